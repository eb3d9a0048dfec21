"""Bulk work in a transaction: which jobs match, and which a bulk job still has to work on."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from wayside_events.contracts.jobs import BulkCounts
from wayside_jobs.domain.errors import Collision
from wayside_jobs.domain.wanted import Wanted
from wayside_jobs.store.statements import SQL
from wayside_jobs.store.unit import Unit
from wayside_service.database import database_errors

_GATHER_SECONDS = 300.0


class Bulk:
    """The statements of one transaction that are about many jobs at once."""

    def __init__(self, unit: Unit) -> None:
        self._connection = unit.connection

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """Do a part of the transaction or nothing of it; when it fails the rest can go on.

        Raises `DatabaseUnavailable` or `Collision` where it cannot.
        """
        try:
            with database_errors():
                async with self._connection.transaction():
                    yield
        except asyncpg.LockNotAvailableError as error:
            raise Collision("The rows are locked by somebody else.") from error

    async def match(self, wanted: Wanted, *, limit: int, count_limit: int) -> tuple[int, list[str]]:
        """Return how many jobs match, counted up to a limit, and some of them."""
        await self._connection.execute(SQL.plan_for_values)
        rows = await self._connection.fetch(SQL.match_jobs, *_values(wanted), limit, count_limit)
        return (rows[0]["matched"] if rows else 0), [row["id"] for row in rows]

    async def begin(self, bulk_id: str, wanted: Wanted | Sequence[str]) -> BulkCounts:
        """Note what a bulk job is to work on: the jobs that match now, or those named."""
        if isinstance(wanted, Wanted):
            await self._connection.execute(SQL.plan_for_values)
            status = await self._connection.execute(
                SQL.gather_matching, *_values(wanted), bulk_id, timeout=_GATHER_SECONDS
            )
        else:
            status = await self._connection.execute(SQL.gather_named, bulk_id, wanted)
        counts = BulkCounts(matched=int(status.rpartition(" ")[2]))
        await self._connection.execute(SQL.begin_bulk, bulk_id, counts.model_dump_json())
        return counts

    async def counts(self, bulk_id: str) -> BulkCounts | None:
        """Return how far a bulk job is; `None` when it has not begun."""
        text = await self._connection.fetchval(SQL.read_bulk, bulk_id)
        return None if text is None else BulkCounts.model_validate_json(text)

    async def save(self, bulk_id: str, counts: BulkCounts) -> None:
        """Keep how far a bulk job is."""
        await self._connection.execute(SQL.save_bulk, bulk_id, counts.model_dump_json())

    async def take(self, bulk_id: str, limit: int) -> list[str]:
        """Take the next jobs a bulk job is to work on; they are not given again once the transaction is committed."""
        return [row["job_id"] for row in await self._connection.fetch(SQL.take_bulk_items, bulk_id, limit)]

    async def forget(self, limit: int) -> int:
        """Delete what is noted of bulk jobs that are over; returns how many notes."""
        forgotten = await self._connection.fetch(SQL.forget_bulk_items, limit)
        if len(forgotten) < limit:
            await self._connection.execute(SQL.forget_bulk_runs)
        return len(forgotten)


def _values(wanted: Wanted) -> tuple[Any, ...]:
    return (
        wanted.scope, wanted.statuses, wanted.type, wanted.session_id, wanted.parent_id, wanted.root_id,
        wanted.related_type, wanted.related_id, wanted.created_by, wanted.created_after, wanted.created_before,
    )  # fmt: skip
