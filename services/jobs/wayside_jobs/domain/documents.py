"""Jobs as JSON, written at once: stored JSON goes in as it is.

The shapes are those of `wayside_events.contracts.jobs`; building them through the models costs ten times as much, so
the models are what the tests compare with.
"""

from typing import Any, NamedTuple

import orjson

from wayside_events.identifiers import EntityId
from wayside_events.jobs import Children
from wayside_jobs.domain.eta import eta
from wayside_jobs.domain.facts import LogRow
from wayside_jobs.domain.job import Cancel, Job
from wayside_jobs.domain.links import job_links
from wayside_jobs.domain.states import TERMINAL
from wayside_jobs.domain.values import Json, embedded, rfc3339

Document = dict[str, Any]


class Kin(NamedTuple):
    """What a job's document says that is not in its row: of its children, its retry, and its type."""

    children: Children | None = None
    retried_by: EntityId | None = None
    resource: str | None = None


ALONE = Kin()


def job_document(job: Job, job_input: Json | None, kin: Kin = ALONE) -> bytes:
    """Write `contracts.jobs.Job`."""
    return orjson.dumps(job_fields(job, job_input, kin))


def job_fields(job: Job, job_input: Json | None, kin: Kin = ALONE) -> Document:
    """The fields of `contracts.jobs.Job`, those that have a value."""
    times = {name: rfc3339(moment) for name in _TIMES if (moment := getattr(job, name)) is not None}
    expected_at = eta(job)
    return present(
        {
            "id": job.id,
            "scope": job.scope,
            "type": job.type,
            "status": job.status,
            "revision": job.revision,
            "mode": job.mode,
            "queue": job.queue,
            "priority": job.priority,
            "attempt": job.attempt,
            "max_attempts": job.max_attempts,
            "progress": _progress(job),
            "partial": embedded(job.partial),
            "input": embedded(job_input),
            "result": embedded(job.result),
            "error": embedded(job.error),
            "metrics": embedded(job.metrics),
            "timeout_seconds": job.policy.timeout_seconds,
            "cancel": _cancel(job.cancel),
            "session_id": job.session_id,
            "related": related_fields(job),
            "parent_id": job.parent_id,
            "root_id": job.root_id,
            "depth": job.depth,
            "child_count": job.child_count,
            "children": kin.children.model_dump() if kin.children else None,
            "log_entries": job.log_entries,
            "log_dropped": job.log_dropped,
            "retry_of": job.retry_of,
            "retried_by": kin.retried_by,
            "unique_key": job.unique_key,
            "created_by": job.created_by,
            "origin": job.origin,
            "runner": job.runner,
            "duration_seconds": job.duration_seconds,
            "eta": rfc3339(expected_at) if expected_at else None,
            "links": job_links(job, retried_by=kin.retried_by, resource=kin.resource),
        }
        | times
    )


def _progress(job: Job) -> Document | orjson.Fragment | None:
    """Leave out of a finished parent's progress where its children were when it was told last; `children` says more."""
    if job.child_count == 0 or job.status not in TERMINAL:
        return embedded(job.progress)
    progress: Document = orjson.loads(job.progress)
    progress.pop("children", None)
    return progress


_TIMES = (
    "created_at",
    "updated_at",
    "run_at",
    "started_at",
    "finished_at",
    "lease_expires_at",
    "timeout_at",
    "expires_at",
)


def assignment_fields(job: Job, token: str, job_input: Json | None) -> Document:
    """The fields of `contracts.jobs.Assignment`."""
    assigned = {
        "id": job.id,
        "scope": job.scope,
        "type": job.type,
        "input": embedded(job_input),
        "queue": job.queue,
        "priority": job.priority,
        "max_attempts": job.max_attempts,
        "session_id": job.session_id,
        "related": related_fields(job),
        "parent_id": job.parent_id,
        "root_id": job.root_id,
        "created_by": job.created_by,
        "created_at": rfc3339(job.created_at),
        "traceparent": job.traceparent,
    }
    return present(
        {
            "job": present(assigned),
            "attempt": job.attempt,
            "token": token,
            "lease_seconds": job.policy.lease_seconds,
            "timeout_seconds": job.policy.timeout_seconds,
            "cancel_grace_seconds": job.policy.cancel_grace_seconds,
        }
    )


def _cancel(cancel: Cancel | None) -> Document | None:
    if cancel is None:
        return None
    return present(
        {
            "state": cancel.state,
            "requested_by": cancel.requested_by,
            "requested_at": rfc3339(cancel.requested_at),
            "reason": cancel.reason,
            "deadline": rfc3339(cancel.deadline) if cancel.deadline else None,
        }
    )


def stored_log_entry(row: LogRow) -> Document:
    """Write `contracts.jobs.StoredLogEntry`."""
    received_at = rfc3339(row.received_at) if row.received_at else None
    return present(log_entry(row) | {"received_at": received_at})


def log_entry(row: LogRow) -> Document:
    """Write `wayside_events.jobs.LogEntry`."""
    return {
        "seq": row.seq,
        "time": rfc3339(row.time),
        "level": row.level,
        "message": row.message,
        "context": embedded(row.context),
    }


def related_fields(job: Job) -> Document | None:
    """Write `wayside_events.jobs.Related`."""
    return {"type": job.related.type, "id": job.related.id} if job.related else None


def present(document: Document) -> Document:
    """Leave out what has no value."""
    return {name: value for name, value in document.items() if value is not None}
