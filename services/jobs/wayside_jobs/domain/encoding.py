"""Jobs and their facts as JSON, written at once: stored JSON goes in as it is.

The shapes are those of `wayside_events` (`contracts.jobs.Job`, the events of `wayside_events.jobs`); building them
through the models costs ten times as much, so the models are what the tests compare with.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, assert_never

import orjson

from wayside_events.envelope import schema_uri
from wayside_events.identifiers import EntityId
from wayside_events.jobs import (
    JobCanceled,
    JobCancelRequested,
    JobCompleted,
    JobEvent,
    JobExpired,
    JobFailed,
    JobLogged,
    JobProgressed,
    JobQueued,
    JobStarted,
)
from wayside_jobs.domain.job import (
    Cancel,
    Canceled,
    CancelRequested,
    CancelState,
    Change,
    Completed,
    Expired,
    Fact,
    Failed,
    Job,
    Logged,
    LogRow,
    Progressed,
    Queued,
    Started,
)
from wayside_jobs.domain.values import Json, embedded, rfc3339

Document = dict[str, Any]


class EncodedEvent(NamedTuple):
    """An event of `wayside_events`, ready to be published."""

    id: str
    type: str
    subject: EntityId
    revision: int
    nats_subject: str
    payload: bytes

    def to_json(self) -> bytes:
        """CloudEvents structured JSON."""
        return self.payload


def encode_event(job: Job, fact: Fact) -> EncodedEvent:
    """Tell `fact` of the job as it now is."""
    event_type = _event_type(fact)
    event_id = f"{job.id}:{job.revision}"
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": JobEvent.SOURCE,
        "type": event_type,
        "subject": job.id,
        "time": rfc3339(job.updated_at),
        "datacontenttype": "application/json",
        "dataschema": schema_uri(event_type),
        "scope": job.scope,
        "revision": job.revision,
        "traceparent": job.traceparent,
        "data": _present(_data(job, fact)),
    }
    subject = f"{event_type}.{job.scope}.{job.id}"
    return EncodedEvent(event_id, event_type, job.id, job.revision, subject, _dump(envelope))


def encode_events(changes: Iterable[Change]) -> list[EncodedEvent]:
    """Encode the facts of `changes`, in order; a change without one has nothing to tell."""
    return [encode_event(change.job, change.fact) for change in changes if change.fact is not None]


_QUEUED = JobQueued.event_type()
_STARTED = JobStarted.event_type()
_PROGRESSED = JobProgressed.event_type()
_LOGGED = JobLogged.event_type()
_CANCEL_REQUESTED = JobCancelRequested.event_type()
_COMPLETED = JobCompleted.event_type()
_FAILED = JobFailed.event_type()
_CANCELED = JobCanceled.event_type()
_EXPIRED = JobExpired.event_type()


def _event_type(fact: Fact) -> str:
    match fact:
        case Queued():
            return _QUEUED
        case Started():
            return _STARTED
        case Progressed():
            return _PROGRESSED
        case Logged():
            return _LOGGED
        case CancelRequested():
            return _CANCEL_REQUESTED
        case Completed():
            return _COMPLETED
        case Failed():
            return _FAILED
        case Canceled():
            return _CANCELED
        case Expired():
            return _EXPIRED
        case _:
            assert_never(fact)


def _data(job: Job, fact: Fact) -> Document:
    match fact:
        case Progressed():
            return _about(job) | {"progress": embedded(job.progress), "partial": embedded(job.partial)}
        case Logged():
            return _about(job) | {
                "entries": [log_entry(row) for row in fact.entries],
                "dropped": fact.dropped,
            }
        case Queued():
            return _lifecycle(job) | _waiting(job) | {"reason": fact.reason}
        case Started():
            return _lifecycle(job) | {"runner": job.runner}
        case CancelRequested() | Canceled():
            return _lifecycle(job) | _cancel_data(job)
        case Completed():
            return _lifecycle(job) | {
                "result": embedded(job.result),
                "metrics": embedded(job.metrics),
                "duration_seconds": job.duration_seconds,
            }
        case Failed():
            return _lifecycle(job) | {
                "error": embedded(job.error),
                "duration_seconds": job.duration_seconds,
            }
        case Expired():
            return _lifecycle(job)
        case _:
            assert_never(fact)


def _about(job: Job) -> Document:
    return {
        "job_id": job.id,
        "job_type": job.type,
        "attempt": job.attempt,
        "session_id": job.session_id,
        "root_id": job.root_id,
    }


def _lifecycle(job: Job) -> Document:
    return _about(job) | {
        "status": job.status,
        "queue": job.queue,
        "mode": job.mode,
        "parent_id": job.parent_id,
        "related": _related(job),
        "created_by": job.created_by,
    }


def _waiting(job: Job) -> Document:
    return {
        "priority": job.priority,
        "max_attempts": job.max_attempts,
        "run_at": rfc3339(job.run_at),
        "retry_of": job.retry_of,
        "error": embedded(job.error),
    }


def _cancel_data(job: Job) -> Document:
    cancel = job.cancel
    assert cancel is not None
    told = {"requested_by": cancel.requested_by, "reason": cancel.reason}
    if cancel.state is CancelState.REQUESTED:
        return told | {"deadline": rfc3339(cancel.deadline) if cancel.deadline else None}
    forced = cancel.state is CancelState.FORCED
    return told | {"forced": forced, "duration_seconds": job.duration_seconds}


def log_entry(row: LogRow) -> Document:
    """Write `wayside_events.jobs.LogEntry`."""
    return {
        "seq": row.seq,
        "time": rfc3339(row.time),
        "level": row.level,
        "message": row.message,
        "context": embedded(row.context),
    }


def job_document(job: Job, job_input: Json | None) -> bytes:
    """Write `contracts.jobs.Job`."""
    return _dump(job_fields(job, job_input))


def job_fields(job: Job, job_input: Json | None) -> Document:
    """The fields of `contracts.jobs.Job`, those that have a value."""
    times = {name: rfc3339(moment) for name in _TIMES if (moment := getattr(job, name)) is not None}
    return _present(
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
            "progress": embedded(job.progress),
            "partial": embedded(job.partial),
            "input": embedded(job_input),
            "result": embedded(job.result),
            "error": embedded(job.error),
            "metrics": embedded(job.metrics),
            "cancel": _cancel(job.cancel),
            "session_id": job.session_id,
            "related": _related(job),
            "parent_id": job.parent_id,
            "root_id": job.root_id,
            "retry_of": job.retry_of,
            "unique_key": job.unique_key,
            "created_by": job.created_by,
            "origin": job.origin,
            "runner": job.runner,
            "duration_seconds": job.duration_seconds,
        }
        | times
    )


_TIMES = ("created_at", "updated_at", "run_at", "started_at", "finished_at", "lease_expires_at", "expires_at")


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
        "related": _related(job),
        "parent_id": job.parent_id,
        "root_id": job.root_id,
        "created_by": job.created_by,
        "created_at": rfc3339(job.created_at),
        "traceparent": job.traceparent,
    }
    return _present(
        {
            "job": _present(assigned),
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
    return _present(
        {
            "state": cancel.state,
            "requested_by": cancel.requested_by,
            "requested_at": rfc3339(cancel.requested_at),
            "reason": cancel.reason,
            "deadline": rfc3339(cancel.deadline) if cancel.deadline else None,
        }
    )


def _related(job: Job) -> Mapping[str, str] | None:
    return {"type": job.related.type, "id": job.related.id} if job.related else None


def _present(document: Document) -> Document:
    return {name: value for name, value in document.items() if value is not None}


def _dump(document: Document) -> bytes:
    return orjson.dumps(_present(document))
