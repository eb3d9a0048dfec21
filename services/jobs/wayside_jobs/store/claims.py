"""Claims in PostgreSQL: find and lock what is ready, and give it to runners."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from wayside_jobs.domain.claims import Claimed, ReadyJob, started
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


class Claims:
    """What claims do in one transaction."""

    def __init__(self, unit: Unit) -> None:
        self._connection = unit.connection

    async def lock_ready(
        self, queues: Sequence[str], job_types: Sequence[str], *, after: str, limit: int
    ) -> list[ReadyJob]:
        """Lock what is to be claimed next, most urgent first; jobs that others have locked are passed over.

        `queues` and `job_types` are pairs. Scopes take turns, beginning with the one that follows `after`.
        """
        rows = await self._connection.fetch(SQL.lock_ready, queues, job_types, after, limit, ENTRANCE_KEY)
        return [ReadyJob(*row) for row in rows]

    async def start(self, attempts: Sequence[Attempt]) -> list[Claimed]:
        """queued → running, and tell so; a job of a queue that was paused at this moment is left out."""
        if not attempts:
            return []
        rows = await self._connection.fetch(SQL.claim_jobs, *zip(*attempts, strict=True))
        claimed = [Claimed(*row) for row in rows]
        await add_events(self._connection, [started(job) for job in claimed])
        return claimed
