"""Facts of jobs as events, written at once: stored JSON goes in as it is.

The shapes are those of the event classes in `wayside_events.jobs`, which the tests compare with.
"""

from collections.abc import Iterable
from typing import NamedTuple, assert_never

import orjson

from wayside_events.envelope import schema_uri
from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobEvent
from wayside_jobs.domain.documents import Document, log_entry, present, related_fields
from wayside_jobs.domain.facts import (
    Canceled,
    CancelRequested,
    Completed,
    Expired,
    Fact,
    Failed,
    Logged,
    Progressed,
    Queued,
    Started,
)
from wayside_jobs.domain.job import CancelState, Change, Job
from wayside_jobs.domain.values import embedded, rfc3339


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
    event_type = fact.event_type
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
        "data": present(_data(job, fact)),
    }
    subject = f"{event_type}.{job.scope}.{job.id}"
    return EncodedEvent(event_id, event_type, job.id, job.revision, subject, orjson.dumps(present(envelope)))


def encode_events(changes: Iterable[Change]) -> list[EncodedEvent]:
    """Encode the facts of `changes`, in order; a change without one has nothing to tell."""
    return [encode_event(change.job, change.fact) for change in changes if change.fact is not None]


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
        "related": related_fields(job),
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
