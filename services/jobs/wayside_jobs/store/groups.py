"""Parents and their children, retries, and how jobs ended that somebody waits for."""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from wayside_events.identifiers import EntityId
from wayside_events.jobs import Children, JobStatus
from wayside_jobs.domain.groups import Census
from wayside_jobs.domain.values import Json
from wayside_jobs.store.store import Store
from wayside_jobs.store.unit import SQL, Unit
from wayside_service.database import Connection

_ROLLUP_KEY: Final = 0x726F6C6C
"""The class of the advisory locks of rollups; the number is arbitrary."""


class Groups:
    """Reads what belongs to jobs. Everything raises `DatabaseUnavailable` while PostgreSQL is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def children(self, parent_ids: Collection[str]) -> Mapping[str, Children]:
        """Count the children of jobs, by parent; who has none is not in the answer."""
        if not parent_ids:
            return {}
        async with self._store.acquire() as connection:
            return await count_children(connection, parent_ids)

    async def next_parents(self, after: str, *, limit: int) -> list[tuple[EntityId, int]]:
        """Return running jobs with children after an id, in the order of ids, and how many each has."""
        async with self._store.acquire() as connection:
            rows = await connection.fetch(SQL.next_parents, after, limit)
        return [(row["id"], row["child_count"]) for row in rows]

    async def retries(self, job_ids: Collection[str]) -> Mapping[str, EntityId]:
        """Return the newest retry of each job that was retried."""
        if not job_ids:
            return {}
        async with self._store.acquire() as connection:
            rows = await connection.fetch(SQL.read_retries, list(job_ids))
        return {row["retry_of"]: row["id"] for row in rows}


async def count_children(connection: Connection, parent_ids: Collection[str]) -> dict[str, Children]:
    """Count the children of jobs, by parent."""
    census = Census()
    for row in await connection.fetch(SQL.count_children, list(parent_ids)):
        census.add(row["parent_id"], row["status"], row["number"], row["percents"])
    return census.children()


class Rollups:
    """What a rollup does in one transaction. It waits for nobody: who is busy has its turn later."""

    def __init__(self, unit: Unit) -> None:
        self._connection = unit.connection

    async def running(self, job_ids: Collection[str]) -> set[str]:
        """Return those of the jobs that run and have children."""
        rows = await self._connection.fetch(SQL.find_running_parents, list(job_ids))
        return {row["id"] for row in rows}

    async def take(self, parent_ids: Collection[str]) -> set[str]:
        """Keep others from rolling up the same parents; returns those nobody else was about to."""
        rows = await self._connection.fetch(SQL.take_rollups, list(parent_ids), _ROLLUP_KEY)
        return {row["id"] for row in rows}

    async def children(self, parent_ids: Collection[str]) -> dict[str, Children]:
        """Count the children of jobs, by parent."""
        return await count_children(self._connection, parent_ids)

    async def lock(self, parent_ids: Collection[str]) -> set[str]:
        """Lock running parents, as far as nobody else has; read them by `Unit.lock` then."""
        rows = await self._connection.fetch(SQL.lock_parents_free, list(parent_ids))
        return {row["id"] for row in rows}


class Ended(NamedTuple):
    """How a job ended."""

    job_id: EntityId
    status: JobStatus
    result: Json | None
    error: Json | None


class Endings:
    """Reads whether and how jobs ended. Everything raises `DatabaseUnavailable` while PostgreSQL is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def states(self, scope: str, job_ids: Collection[str]) -> dict[str, bool]:
        """Return whether each job has ended; those of no job of the scope are left out."""
        async with self._store.acquire() as connection:
            rows = await connection.fetch(SQL.read_ends, list(job_ids), scope)
        return {row["id"]: row["has_ended"] for row in rows}

    async def results(self, scope: str, job_ids: Collection[str]) -> dict[str, Ended]:
        """Return how jobs ended, by id."""
        async with self._store.acquire() as connection:
            rows = await connection.fetch(SQL.read_results, list(job_ids), scope)
        return {
            row["id"]: Ended(row["id"], JobStatus(row["status"]), row["result"], row["error"]) for row in rows
        }

    async def inactive(self, job_ids: Collection[str]) -> set[str]:
        """Return the ids of jobs that have ended or are gone."""
        async with self._store.acquire() as connection:
            return {row["id"] for row in await connection.fetch(SQL.find_inactive, list(job_ids))}
