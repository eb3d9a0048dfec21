"""The statements of reports, in the transaction of a unit."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

import asyncpg

from wayside_events.jobs import JobMode, JobStatus, Related
from wayside_jobs.domain.facts import Completed
from wayside_jobs.domain.job import Change, Job, Policy
from wayside_jobs.domain.values import Json
from wayside_jobs.store.rows import UNREAD, job_of
from wayside_jobs.store.unit import SQL, Locked, Unit

_NEVER: Final = datetime.min.replace(tzinfo=UTC)

_UNREAD_POLICY: Final = Policy(0.0, 0.0, None, None, 0.0, 0.0, 0.0, 0.0)
"""In place of a policy that was not read: nothing that ends a job's life asks for it."""


class Completion(NamedTuple):
    """The type `completed_job`: the result of one attempt, whose `token_hash` was shown."""

    id: str
    attempt: int
    token_hash: bytes
    seq: int
    metrics: Json | None
    result: Json


@dataclass(frozen=True, slots=True)
class Reported(Locked):
    """`held` are jobs that exist, but that somebody else has locked."""

    held: Collection[str]


class Reports:
    """What is done about reports in one transaction. Nothing here waits for a lock of another one."""

    def __init__(self, unit: Unit) -> None:
        self._connection = unit.connection

    async def complete(self, completions: Sequence[Completion]) -> dict[str, Change]:
        """Complete jobs as `decide` would; returns those of which it is sure, by id, as the event needs them.

        Not those that are locked, have shown progress, or whose attempt is over: they have to be looked at.
        """
        if not completions:
            return {}
        said = {completion.id: completion for completion in completions}
        rows = await self._connection.fetch(SQL.complete_jobs, completions)
        return {row["id"]: Change(_completed(row, said[row["id"]]), Completed()) for row in rows}

    async def lock(self, job_ids: Collection[str], *, partials_of: Collection[str]) -> Reported:
        """Lock those of the jobs that nobody else has locked; the others that exist are `held`."""
        if not job_ids:
            return Reported({}, _NEVER, ())
        rows = await self._connection.fetch(SQL.lock_reported, sorted(job_ids), list(partials_of))
        jobs = {row["id"]: _reported(row) for row in rows}
        now = rows[-1]["now"] if rows else _NEVER
        return Reported(jobs, now, await self._existing([name for name in job_ids if name not in jobs]))

    async def _existing(self, job_ids: Sequence[str]) -> frozenset[str]:
        if not job_ids:
            return frozenset()
        return frozenset(row["id"] for row in await self._connection.fetch(SQL.find_jobs, job_ids))


def _reported(row: asyncpg.Record) -> Job:
    job = job_of(row)
    return job._replace(partial=UNREAD) if row["keeps_partial"] else job


def _completed(row: asyncpg.Record, said: Completion) -> Job:
    related_id = row["related_id"]
    return Job(
        id=row["id"],
        scope=row["scope"],
        type=row["type"],
        mode=JobMode(row["mode"]),
        queue=row["queue"],
        priority=row["priority"],
        status=JobStatus.COMPLETED,
        revision=row["revision"],
        attempt=row["attempt"],
        max_attempts=row["max_attempts"],
        policy=_UNREAD_POLICY,
        created_by=row["created_by"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        run_at=row["run_at"],
        session_id=row["session_id"],
        related=Related(type=row["related_type"], id=related_id) if related_id else None,
        parent_id=row["parent_id"],
        root_id=row["root_id"],
        depth=row["depth"],
        traceparent=row["traceparent"],
        runner=row["runner"],
        seq=said.seq,
        result=said.result,
        metrics=said.metrics,
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        expires_at=row["expires_at"],
    )
