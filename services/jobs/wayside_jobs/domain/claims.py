"""Jobs on their way to a runner, and what is told of them: the assignment and the event."""

from datetime import datetime
from typing import Final, NamedTuple

import orjson

from wayside_events.envelope import schema_uri
from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobEvent, JobMode, JobStarted, JobStatus
from wayside_jobs.domain.documents import Document
from wayside_jobs.domain.events import EncodedEvent
from wayside_jobs.domain.states import TRANSITIONS, Verb
from wayside_jobs.domain.values import Json, rfc3339

[CLAIMED_STATUS] = TRANSITIONS[JobStatus.QUEUED, Verb.CLAIM]
"""What a claim makes of a job; the statement `claim_jobs` repeats it, and what `verbs.attempt_fields` sets."""

# Plain texts: to encode a member of an enum takes much longer.
_STATUS: Final = CLAIMED_STATUS.value
_MODE: Final = JobMode.QUEUED.value
_STARTED: Final = JobStarted.event_type()
_SCHEMA: Final = schema_uri(_STARTED)


class ReadyJob(NamedTuple):
    """A job that may be claimed. `size` counts what of it is long: the input, and texts with their escapes."""

    id: EntityId
    queue: str
    type: str
    scope: str
    size: int


class Claimed(NamedTuple):
    """A job whose new attempt a runner has: what its assignment and the event need."""

    id: EntityId
    scope: str
    type: str
    queue: str
    priority: int
    revision: int
    attempt: int
    max_attempts: int
    runner: str
    created_by: str
    created_at: datetime
    run_at: datetime
    started_at: datetime
    session_id: str | None
    related_type: str | None
    related_id: str | None
    parent_id: EntityId | None
    root_id: EntityId | None
    traceparent: str | None
    lease_seconds: float
    timeout_seconds: float | None
    cancel_grace_seconds: float
    input: Json
    child_count: int = 0


def assignment(job: Claimed, token: str) -> bytes:
    """Write `contracts.jobs.Assignment`."""
    assigned: Document = {
        "id": job.id,
        "scope": job.scope,
        "type": job.type,
        "input": orjson.Fragment(job.input),
        "queue": job.queue,
        "priority": job.priority,
        "max_attempts": job.max_attempts,
        "created_by": job.created_by,
        "created_at": rfc3339(job.created_at),
    }
    _link(job, assigned)
    if job.traceparent is not None:
        assigned["traceparent"] = job.traceparent
    document = {
        "job": assigned,
        "attempt": job.attempt,
        "token": token,
        "lease_seconds": job.lease_seconds,
        "cancel_grace_seconds": job.cancel_grace_seconds,
    }
    if job.timeout_seconds is not None:
        document["timeout_seconds"] = job.timeout_seconds
    return orjson.dumps(document)


def started(job: Claimed) -> EncodedEvent:
    """Tell that the job's attempt began."""
    event_id = f"{job.id}:{job.revision}"
    data: Document = {
        "job_id": job.id,
        "job_type": job.type,
        "attempt": job.attempt,
        "status": _STATUS,
        "queue": job.queue,
        "mode": _MODE,
        "created_by": job.created_by,
        "runner": job.runner,
    }
    _link(job, data)
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": JobEvent.SOURCE,
        "type": _STARTED,
        "subject": job.id,
        "time": rfc3339(job.started_at),
        "datacontenttype": "application/json",
        "dataschema": _SCHEMA,
        "scope": job.scope,
        "revision": job.revision,
        "data": data,
    }
    if job.traceparent is not None:
        envelope["traceparent"] = job.traceparent
    return EncodedEvent(
        event_id, _STARTED, job.id, job.revision, f"{_STARTED}.{job.scope}.{job.id}", orjson.dumps(envelope)
    )


def _link(job: Claimed, document: Document) -> None:
    """Add what the job belongs to."""
    if job.session_id is not None:
        document["session_id"] = job.session_id
    if job.related_id is not None:
        document["related"] = {"type": job.related_type, "id": job.related_id}
    if job.root_id is not None:
        document["root_id"] = job.root_id
    if job.parent_id is not None:
        document["parent_id"] = job.parent_id
