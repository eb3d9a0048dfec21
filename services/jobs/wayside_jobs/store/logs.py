"""The logs of jobs in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from wayside_events.jobs import LogLevel
from wayside_jobs.domain.facts import Logged, LogRow
from wayside_jobs.domain.job import Change
from wayside_jobs.domain.logs import LogBounds
from wayside_jobs.store.statements import SQL
from wayside_service.database import Connection


class Dropped(NamedTuple):
    """What a log lost: its oldest entries, and how many bytes they had."""

    entries: int
    bytes: int


class LogBook:
    """The logs of locked jobs in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def write(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Add the entries that changes tell of, and cut logs that are over their bounds.

        Returns the changes, with what was dropped in those from the last entries of such a job on.
        """
        logged = [(change.job.id, change.fact) for change in changes if isinstance(change.fact, Logged)]
        if not logged:
            return changes
        rows = [
            (job_id, row.seq, row.time, row.level, row.message, row.context, row.bytes)
            for job_id, fact in logged
            for row in fact.entries
        ]
        await self._connection.execute(SQL.insert_logs, rows)
        full: dict[str, LogBounds] = {
            job_id: fact.bounds for job_id, fact in logged if fact.bounds is not None
        }
        return _told(changes, await self._cut(full)) if full else changes

    async def _cut(self, full: Mapping[str, LogBounds]) -> dict[str, Dropped]:
        bounds = full.values()
        rows = await self._connection.fetch(
            SQL.cut_logs, list(full), [bound.entries for bound in bounds], [bound.bytes for bound in bounds]
        )
        return {row["job_id"]: Dropped(row["entries"], row["bytes"]) for row in rows}

    async def read(
        self, job_id: str, *, levels: Collection[LogLevel], after: int, limit: int
    ) -> list[LogRow]:
        """Return entries of some levels after a number, oldest first."""
        rows = await self._connection.fetch(SQL.read_logs, job_id, list(levels), after, limit)
        return [
            LogRow(
                row["seq"],
                row["time"],
                LogLevel(row["level"]),
                row["message"],
                row["context"],
                received_at=row["received_at"],
            )
            for row in rows
        ]


def _told(changes: Sequence[Change], dropped: Mapping[str, Dropped]) -> list[Change]:
    """Say what was dropped in the last change that has entries, and in those after it."""
    told: list[Change] = []
    open_jobs = set(dropped)
    for change in reversed(changes):
        job = change.job
        if job.id in open_jobs:
            lost = dropped[job.id]
            job = job._replace(
                log_dropped=job.log_dropped + lost.entries, log_bytes=job.log_bytes - lost.bytes
            )
            told.append(Change(job, change.fact))
        else:
            told.append(change)
        if isinstance(change.fact, Logged):
            open_jobs.discard(job.id)
    return told[::-1]
