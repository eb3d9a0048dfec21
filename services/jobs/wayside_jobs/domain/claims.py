"""Jobs on their way to a runner, and what is told of them: the assignment and the event."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple, Self

import orjson

from wayside_events.envelope import schema_uri
from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobEvent, JobMode, JobStarted, JobStatus
from wayside_jobs.domain.documents import Document
from wayside_jobs.domain.events import EncodedEvent
from wayside_jobs.domain.job import Job
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
    last_error: Json | None = None

    @classmethod
    def of(cls, job: Job, job_input: Json) -> Self:
        """Return what is told of a job that runs."""
        assert job.runner is not None
        assert job.started_at is not None
        return cls(
            id=job.id,
            scope=job.scope,
            type=job.type,
            queue=job.queue,
            priority=job.priority,
            revision=job.revision,
            attempt=job.attempt,
            max_attempts=job.max_attempts,
            runner=job.runner,
            created_by=job.created_by,
            created_at=job.created_at,
            run_at=job.run_at,
            started_at=job.started_at,
            session_id=job.session_id,
            related_type=job.related.type if job.related else None,
            related_id=job.related.id if job.related else None,
            parent_id=job.parent_id,
            root_id=job.root_id,
            traceparent=job.traceparent,
            lease_seconds=job.policy.lease_seconds,
            timeout_seconds=job.policy.timeout_seconds,
            cancel_grace_seconds=job.policy.cancel_grace_seconds,
            input=job_input,
            child_count=job.child_count,
        )


def in_turn(jobs: Iterable[Job], after: str) -> list[Job]:
    """Put jobs in the order in which claims take them, as `lock_ready` does: scopes take turns, beginning after `after`."""
    seen: Counter[str] = Counter()
    ranks: dict[EntityId, tuple[int, int, bool, str]] = {}
    ordered = sorted(jobs, key=lambda job: (-job.priority, job.run_at, job.id))
    for job in ordered:
        seen[job.scope] += 1
        ranks[job.id] = (-job.priority, seen[job.scope], job.scope <= after, job.scope)
    return sorted(ordered, key=lambda job: ranks[job.id])


def ready_job(job: Job, job_input: Json) -> ReadyJob:
    """Return what is dealt of a job, as `lock_ready` does."""
    texts = (job.created_by, job.session_id, job.traceparent)
    size = sum(len(text) for text in texts if text)
    if job.related is not None:
        size += len(job.related.type) + len(job.related.id)
    return ReadyJob(job.id, job.queue, job.type, job.scope, len(job_input.encode()) + 6 * size)


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
    if job.last_error is not None:
        assigned["last_error"] = orjson.Fragment(job.last_error)
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
