"""Facts of jobs as events, written at once: stored JSON goes in as it is.

The shapes are those of the event classes in `wayside_events.jobs`, which the tests compare with.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, assert_never

import orjson

from wayside_events.envelope import schema_uri
from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobEvent
from wayside_jobs.domain.documents import Document, log_entry, related_fields
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
    # Ids, scopes and types of events are plain words; only what somebody may have written freely is encoded.
    head = (
        f'{{"specversion":"1.0","id":"{event_id}","source":"{JobEvent.SOURCE}","type":"{event_type}",'
        f'"subject":"{job.id}","time":"{rfc3339(job.updated_at)}","datacontenttype":"application/json",'
        f'"dataschema":"{schema_uri(event_type)}","scope":"{job.scope}","revision":{job.revision},'
    )
    trace = b"" if job.traceparent is None else b'"traceparent":%b,' % orjson.dumps(job.traceparent)
    payload = b'%b%b"data":%b}' % (head.encode(), trace, orjson.dumps(_data(job, fact)))
    subject = f"{event_type}.{job.scope}.{job.id}"
    return EncodedEvent(event_id, event_type, job.id, job.revision, subject, payload)


def encode_events(changes: Iterable[Change]) -> list[EncodedEvent]:
    """Encode the facts of `changes`, in order; a change without one has nothing to tell."""
    return [encode_event(change.job, change.fact) for change in changes if change.fact is not None]


def _data(job: Job, fact: Fact) -> Document:
    match fact:
        case Progressed():
            return _with(_about(job), progress=embedded(job.progress), partial=embedded(job.partial))
        case Logged():
            entries = [log_entry(row) for row in fact.entries]
            return _with(_about(job), entries=entries, dropped=job.log_dropped)
        case Queued():
            return _with(
                _lifecycle(job),
                reason=fact.reason,
                priority=job.priority,
                max_attempts=job.max_attempts,
                run_at=rfc3339(job.run_at),
                retry_of=job.retry_of,
                error=embedded(job.error),
            )
        case Started():
            return _with(_lifecycle(job), runner=job.runner)
        case CancelRequested() | Canceled():
            return _with(_lifecycle(job), **_cancel_data(job))
        case Completed():
            return _with(
                _lifecycle(job),
                result=embedded(job.result),
                metrics=embedded(job.metrics),
                duration_seconds=job.duration_seconds,
            )
        case Failed():
            return _with(_lifecycle(job), error=embedded(job.error), duration_seconds=job.duration_seconds)
        case Expired():
            return _lifecycle(job)
        case _:
            assert_never(fact)


def _about(job: Job) -> Document:
    about = {"job_id": job.id, "job_type": job.type, "attempt": job.attempt}
    if job.session_id is None and job.root_id is None:
        return about
    return _with(about, session_id=job.session_id, root_id=job.root_id)


def _lifecycle(job: Job) -> Document:
    data = _about(job)
    data["status"] = job.status
    data["queue"] = job.queue
    data["mode"] = job.mode
    data["created_by"] = job.created_by
    if job.parent_id is not None:
        data["parent_id"] = job.parent_id
    if job.related is not None:
        data["related"] = related_fields(job)
    return data


def _with(data: Document, **fields: Any) -> Document:
    """Add the fields that have a value."""
    for name, value in fields.items():
        if value is not None:
            data[name] = value
    return data


def _cancel_data(job: Job) -> Document:
    cancel = job.cancel
    assert cancel is not None
    told: Document = {"requested_by": cancel.requested_by, "reason": cancel.reason}
    if cancel.state is CancelState.REQUESTED:
        return told | {"deadline": rfc3339(cancel.deadline) if cancel.deadline else None}
    forced = cancel.state is CancelState.FORCED
    return told | {"forced": forced, "duration_seconds": job.duration_seconds}
