"""Retries in a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from wayside_jobs.domain.events import encode_events
from wayside_jobs.domain.job import Change
from wayside_jobs.domain.values import Json
from wayside_jobs.store.rows import new_row
from wayside_jobs.store.unit import SQL, Unit
from wayside_service.outbox import add_events

_COPIED = Json("null")
"""The statement takes the input from the row of the old job; it does not pass through the service."""


@dataclass(frozen=True, slots=True)
class EarlierRetry:
    """A job that retries another one: the one that is active, else the newest."""

    id: str
    is_active: bool


class Retries:
    """The statements of one transaction that are about retries."""

    def __init__(self, unit: Unit) -> None:
        self._connection = unit.connection

    async def of(self, job_ids: Sequence[str]) -> dict[str, EarlierRetry]:
        """Return the retries of those of the jobs that have been retried before."""
        rows = await self._connection.fetch(SQL.read_latest_retries, job_ids)
        return {row["retry_of"]: EarlierRetry(row["id"], row["is_active"]) for row in rows}

    async def insert(self, changes: Sequence[Change]) -> set[str]:
        """Create retries with the inputs of the old jobs; returns the ids of those whose unique key was free."""
        rows = [new_row(change.job, _COPIED) for change in changes]
        inserted = {row["id"] for row in await self._connection.fetch(SQL.insert_retries, rows)}
        await add_events(
            self._connection, encode_events(change for change in changes if change.job.id in inserted)
        )
        return inserted
