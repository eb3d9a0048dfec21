"""Claims in PostgreSQL: find and lock what is ready, and give it to runners."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from zlib import crc32

from wayside_jobs.domain.claims import Claimed, ReadyJob, started
from wayside_jobs.domain.flow import Key, Running, Search
from wayside_jobs.store.statements import SQL
from wayside_jobs.store.unit import Unit
from wayside_service.outbox import add_events

ENTRANCE_KEY: Final = 0x77617973_636C6169
"""The advisory lock that every claim shares and a pause waits for; the number is arbitrary."""


class Attempt(NamedTuple):
    """An attempt at a locked job, about to begin."""

    job_id: str
    runner: str
    token_hash: bytes


class Found(NamedTuple):
    """Jobs that were locked, most urgent first."""

    jobs: Sequence[ReadyJob]
    are_more: bool
    """Whether there may be more than were asked for."""
    were_passed_over: bool
    """Whether others have locked some that would have been taken."""


class Claims:
    """What claims do in one transaction."""

    def __init__(self, unit: Unit) -> None:
        self._connection = unit.connection

    async def count_running(self, keys: Sequence[Key]) -> list[Running]:
        """Count what runs of limited queues and types; until the transaction ends nobody else counts there."""
        # The count needs a statement of its own, which sees what was committed while the locks were awaited.
        await self._connection.execute(SQL.lock_limits, sorted(map(_number, keys)))
        names = {kind: [key.split()[1] for key in keys if key.startswith(kind)] for kind in ("queue", "type")}
        rows = await self._connection.fetch(SQL.count_running, names["queue"], names["type"])
        return [Running(*row) for row in rows]

    async def unheard(self, runner: str) -> list[tuple[str, int]]:
        """Return the attempts given to a runner that it has never reported on: job and number."""
        return [(row["id"], row["attempt"]) for row in await self._connection.fetch(SQL.find_unheard, runner)]

    async def lock_ready(self, search: Search, *, after: str) -> Found:
        """Lock what is to be claimed next; jobs that others have locked are passed over.

        Scopes take turns, beginning with the one that follows `after`.
        """
        rows = await self._connection.fetch(
            SQL.lock_ready,
            search.pairs.queues,
            search.pairs.job_types,
            after,
            search.limit,
            ENTRANCE_KEY,
            search.full,
            search.limit_per_place,
        )
        jobs = [ReadyJob(*tuple(row)[:5]) for row in rows if row["id"] is not None]
        return Found(
            jobs,
            are_more=len(jobs) >= search.limit or any(row["are_more"] for row in rows),
            were_passed_over=bool(rows) and len(jobs) < rows[0]["wanted"],
        )

    async def start(self, attempts: Sequence[Attempt]) -> list[Claimed]:
        """queued → running, and tell so; a job of a queue that was paused at this moment is left out."""
        if not attempts:
            return []
        rows = await self._connection.fetch(SQL.claim_jobs, *zip(*attempts, strict=True))
        claimed = [Claimed(*row) for row in rows]
        await add_events(self._connection, [started(job) for job in claimed])
        return claimed


def _number(key: Key) -> int:
    """Return the number of a limit's lock; two with the same number only wait for each other."""
    return int.from_bytes(crc32(key.encode()).to_bytes(4), signed=True)
