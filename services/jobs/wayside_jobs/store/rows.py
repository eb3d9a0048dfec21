"""Between rows and jobs."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import asyncpg

from wayside_events.jobs import JobMode, JobStatus, Related
from wayside_jobs.domain.job import Cancel, CancelState, Job, Policy
from wayside_jobs.domain.values import Json

UNREAD: Final = Json("")
"""The partial result of a job that has one which was not read; writing the job leaves it as it is."""

Columns = list[list[Any]]
"""One array per column, as `unnest` takes them."""


def job_of(row: asyncpg.Record) -> Job:
    """Return the job of a row that has the state columns; result and metrics stay empty without theirs."""
    return Job(
        id=row["id"],
        scope=row["scope"],
        type=row["type"],
        mode=JobMode(row["mode"]),
        queue=row["queue"],
        priority=row["priority"],
        status=JobStatus(row["status"]),
        revision=row["revision"],
        attempt=row["attempt"],
        max_attempts=row["max_attempts"],
        policy=_policy_of(row),
        created_by=row["created_by"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        run_at=row["run_at"],
        session_id=row["session_id"],
        related=Related(type=row["related_type"], id=row["related_id"]) if row["related_id"] else None,
        parent_id=row["parent_id"],
        root_id=row["root_id"],
        depth=row["depth"],
        child_count=row["child_count"],
        releases=row["releases"],
        retry_of=row["retry_of"],
        unique_key=row["unique_key"],
        origin=row["origin"],
        traceparent=row["traceparent"],
        runner=row["runner"],
        token_hash=row["token_hash"],
        seq=row["seq"],
        log_seq=row["log_seq"],
        log_dropped=row["log_dropped"],
        log_bytes=row["log_bytes"],
        progress=row["progress"],
        partial=row["partial"],
        result=row.get("result"),
        metrics=row.get("metrics"),
        error=row["error"],
        cancel=_cancel_of(row),
        is_cascading=row["is_cascading"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        lease_expires_at=row["lease_expires_at"],
        timeout_at=row["timeout_at"],
        due_at=row["due_at"],
        expires_at=row["expires_at"],
    )


def _policy_of(row: asyncpg.Record) -> Policy:
    return Policy(
        lease_seconds=row["lease_seconds"],
        cancel_grace_seconds=row["cancel_grace_seconds"],
        timeout_seconds=row["timeout_seconds"],
        ttl_seconds=row["ttl_seconds"],
        backoff_initial_seconds=row["backoff_initial_seconds"],
        backoff_factor=row["backoff_factor"],
        backoff_max_seconds=row["backoff_max_seconds"],
        backoff_jitter=row["backoff_jitter"],
    )


def _cancel_of(row: asyncpg.Record) -> Cancel | None:
    state = row["cancel_state"]
    if state is None:
        return None
    return Cancel(
        state=CancelState(state),
        requested_by=row["cancel_requested_by"],
        requested_at=row["cancel_requested_at"],
        reason=row["cancel_reason"],
        deadline=row["cancel_deadline"],
    )


def columns_of(width: int, rows: Iterable[Sequence[Any]]) -> Columns:
    """Turn rows into `width` columns."""
    columns: Columns = [[] for _ in range(width)]
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    return columns


def new_row(job: Job, job_input: str) -> tuple[Any, ...]:
    """The type `new_job`."""
    policy = job.policy
    return (
        job.id, job.scope, job.type, job.mode, job.queue, job.priority, job.status, job.revision,
        job.attempt, job.max_attempts, job.is_ready, job.created_by, job.created_at, job.updated_at,
        job.run_at, policy.lease_seconds, policy.cancel_grace_seconds, policy.timeout_seconds,
        policy.ttl_seconds, policy.backoff_initial_seconds, policy.backoff_factor,
        policy.backoff_max_seconds, policy.backoff_jitter, job.session_id,
        job.related.type if job.related else None, job.related.id if job.related else None,
        job.parent_id, job.root_id, job.depth, job.retry_of, job.unique_key, job.origin, job.traceparent, job.runner,
        job.token_hash, job.seq, job.started_at, job.lease_expires_at, job.timeout_at,
        job.due_at, job.progress, len(job_input.encode()), job_input,
    )  # fmt: skip


def changed_row(known_revision: int, job: Job) -> tuple[Any, ...]:
    """The type `changed_job`."""
    cancel = job.cancel
    return (
        job.id, known_revision, job.status, job.revision, job.attempt, job.max_attempts, job.releases, job.is_ready,
        job.updated_at, job.run_at, job.runner, job.token_hash, job.seq, job.log_seq,
        job.log_dropped, job.log_bytes, cancel.state if cancel else None, cancel.requested_by if cancel else None,
        cancel.requested_at if cancel else None, cancel.reason if cancel else None,
        cancel.deadline if cancel else None, job.is_cascading, job.started_at, job.finished_at, job.lease_expires_at,
        job.timeout_at, job.due_at, job.expires_at, job.progress, job.error, job.partial == UNREAD, job.partial or None, job.metrics,
        job.result,
    )  # fmt: skip


def lease_row(job: Job) -> tuple[Any, ...]:
    """The type `extended_lease`."""
    return (job.id, job.revision, job.seq, job.lease_expires_at, job.due_at, job.token_hash)
