"""The registry of runners in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from wayside_events.contracts.jobs import BeatBody, RegisterRequest, Worker, WorkerStatus
from wayside_jobs.store.store import Store
from wayside_jobs.store.unit import SQL


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerFilter:
    """Which runners a list is to show; all that is given holds together."""

    statuses: tuple[WorkerStatus, ...] = tuple(WorkerStatus)
    queue: str | None = None
    job_type: str | None = None


class Runners:
    """Who runs jobs. Everything raises `DatabaseUnavailable` while PostgreSQL is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def register(self, request: RegisterRequest) -> datetime:
        """Remember that a runner exists, anew; returns the database's time."""
        async with self._store.acquire() as connection:
            seen_at: datetime = await connection.fetchval(
                SQL.upsert_runner,
                request.runner,
                request.version,
                request.hostname,
                request.pid,
                request.slots,
                request.queues,
                list(dict.fromkeys([*(spec.name for spec in request.job_types), *request.tracked_types])),
            )
        return seen_at

    async def beat(self, runner: str, body: BeatBody) -> bool:
        """Note that a runner lives; returns whether it is known."""
        async with self._store.acquire() as connection:
            name = await connection.fetchval(
                SQL.beat_runner,
                runner,
                body.running,
                body.slots,
                body.abandoned,
                body.is_draining,
                body.stopped,
            )
        return name is not None

    async def page(
        self, wanted: RunnerFilter, *, lost_after_seconds: float, after: str, limit: int
    ) -> list[Worker]:
        """Return runners in the order of their names, as yet without their jobs."""
        async with self._store.acquire() as connection:
            rows = await connection.fetch(
                SQL.list_runners,
                wanted.statuses,
                wanted.queue,
                wanted.job_type,
                lost_after_seconds,
                after,
                limit,
            )
        return [Worker(**row, running=0, job_ids=()) for row in rows]

    async def assignments(
        self, names: Sequence[str], scopes: Sequence[str] | None, *, limit: int
    ) -> Mapping[str, tuple[int, tuple[str, ...]]]:
        """Return how many jobs of `scopes`, or of all, runners have, with the ids of the first."""
        async with self._store.acquire() as connection:
            rows = await connection.fetch(SQL.read_assignments, names, scopes, limit)
        return {row["runner"]: (row["total"], tuple(row["job_ids"])) for row in rows}
