"""New jobs: from a request and its job type, or from a job that has ended."""

from dataclasses import dataclass
from datetime import datetime

from wayside_events.contracts.jobs import JobCreate, JobTypeSpec
from wayside_events.contracts.problems import FieldError
from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobMode, JobStatus, QueuedReason
from wayside_jobs.domain.errors import InvalidJob, WrongState
from wayside_jobs.domain.facts import Queued, Started
from wayside_jobs.domain.job import Change, Job, Policy
from wayside_jobs.domain.states import TRANSITIONS, Verb
from wayside_jobs.domain.verbs import attempt_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who creates a job, as part of what."""

    created_by: str
    traceparent: str | None = None
    root_id: EntityId | None = None
    depth: int = 0


def check_mode(wanted: JobCreate) -> None:
    """Raise `InvalidJob` for fields that contradict the mode."""
    tracked = wanted.mode is JobMode.TRACKED
    errors = []
    if tracked and wanted.runner is None:
        errors.append(_error("/runner", "missing", "A tracked job names the process that runs it."))
    if not tracked and wanted.runner is not None:
        errors.append(_error("/runner", "unexpected", "Only a tracked job names its runner."))
    if wanted.unique_period_seconds is not None and wanted.unique_key is None:
        errors.append(_error("/unique_period_seconds", "unexpected", "A period needs a unique_key."))
    if tracked and wanted.run_at is not None:
        errors.append(_error("/run_at", "unexpected", "A tracked job starts at once."))
    if tracked and wanted.max_attempts not in (None, 1):
        errors.append(_error("/max_attempts", "unexpected", "A tracked job has one attempt."))
    if errors:
        raise InvalidJob(errors[0].message, errors=errors)


def create(job_id: EntityId, wanted: JobCreate, spec: JobTypeSpec, origin: Origin, now: datetime) -> Change:
    """– → queued. Limits that the request leaves out come from the job type."""
    tracked = wanted.mode is JobMode.TRACKED
    attempts = 1 if tracked else wanted.max_attempts or spec.max_attempts
    job = Job(
        id=job_id,
        scope=wanted.scope,
        type=wanted.type,
        mode=wanted.mode,
        queue=wanted.queue or spec.queue,
        priority=wanted.priority,
        status=JobStatus.QUEUED,
        revision=1,
        attempt=0,
        max_attempts=attempts,
        policy=_policy(wanted, spec),
        created_by=origin.created_by,
        created_at=now,
        updated_at=now,
        run_at=max(now, wanted.run_at or now),
        session_id=wanted.session_id,
        related=wanted.related,
        parent_id=wanted.parent_id,
        root_id=origin.root_id,
        depth=origin.depth,
        unique_key=wanted.unique_key,
        origin=wanted.origin,
        traceparent=origin.traceparent,
    )
    return Change(job, Queued(QueuedReason.CREATED))


def start_tracked(created: Change, *, runner: str, token_hash: bytes) -> Change:
    """– → running: a tracked job begins with its first revision."""
    job = created.job
    fields = attempt_fields(job, runner, token_hash, job.created_at)
    return Change(job._replace(status=JobStatus.RUNNING, **fields), Started())


def hand_over(created: Change, *, runner: str, token_hash: bytes) -> Change:
    """queued → running, at the moment of the creation: what a claim would do that finds the job at once."""
    job = created.job
    [status] = TRANSITIONS[job.status, Verb.CLAIM]
    fields = attempt_fields(job, runner, token_hash, job.updated_at)
    return Change(job._replace(status=status, revision=job.revision + 1, **fields), Started())


def retry(job: Job, job_id: EntityId, origin: Origin, now: datetime) -> Change:
    """terminal → a new job like it, linked by `retry_of`; raises `WrongState`. The old one stays as it is.

    It has the same parent if `origin` says its root; a parent that has ended gets no more children.
    """
    if (job.status, Verb.RETRY) not in TRANSITIONS:
        raise WrongState(job.status, Verb.RETRY, revision=job.revision)
    fresh = Job(
        id=job_id,
        scope=job.scope,
        type=job.type,
        mode=JobMode.QUEUED,
        queue=job.queue,
        priority=job.priority,
        status=JobStatus.QUEUED,
        revision=1,
        attempt=0,
        max_attempts=job.max_attempts - job.releases,
        policy=job.policy,
        created_by=origin.created_by,
        created_at=now,
        updated_at=now,
        run_at=now,
        session_id=job.session_id,
        related=job.related,
        parent_id=job.parent_id if origin.root_id else None,
        root_id=origin.root_id,
        depth=origin.depth,
        retry_of=job.id,
        unique_key=job.unique_key,
        origin=job.origin,
        traceparent=origin.traceparent,
    )
    return Change(fresh, Queued(QueuedReason.CREATED))


def _policy(wanted: JobCreate, spec: JobTypeSpec) -> Policy:
    return Policy(
        lease_seconds=spec.lease_seconds,
        cancel_grace_seconds=spec.cancel_grace_seconds,
        timeout_seconds=wanted.timeout_seconds or spec.timeout_seconds,
        ttl_seconds=wanted.ttl_seconds or spec.ttl_seconds,
        backoff_initial_seconds=spec.backoff.initial_seconds,
        backoff_factor=spec.backoff.factor,
        backoff_max_seconds=spec.backoff.max_seconds,
        backoff_jitter=spec.backoff.jitter,
    )


def _error(field: str, code: str, message: str) -> FieldError:
    return FieldError(field=field, code=code, message=message)
