"""Jobs as values, for tests of pure code."""

from datetime import UTC, datetime, timedelta
from typing import Any

from wayside_events.contracts.jobs import JobCreate, JobTypeSpec
from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobStatus
from wayside_jobs.domain import verbs
from wayside_jobs.domain.creation import Origin, create, start_tracked
from wayside_jobs.domain.errors import WrongState
from wayside_jobs.domain.facts import Started
from wayside_jobs.domain.job import Change, Job, hash_token
from wayside_jobs.domain.states import TRANSITIONS, Verb
from wayside_jobs.domain.values import Json

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOB_ID = EntityId("0198f000-0000-7000-8000-000000000001")
OTHER_ID = EntityId("0198f000-0000-7000-8000-000000000002")
TOKEN = "a token"


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def spec(**fields: Any) -> JobTypeSpec:
    backoff = {"initial_seconds": 10, "factor": 2, "max_seconds": 30, "jitter": 0.5}
    return JobTypeSpec.model_validate({"name": "demo.add", "backoff": backoff, **fields})


def created(job_spec: JobTypeSpec | None = None, **fields: Any) -> Change:
    wanted = JobCreate.model_validate({"type": "demo.add", "scope": "acme", **fields})
    return create(JOB_ID, wanted, job_spec or spec(), Origin(created_by="ada"), NOW)


def queued(job_spec: JobTypeSpec | None = None, **fields: Any) -> Job:
    return created(job_spec, **fields).job


def running(job_spec: JobTypeSpec | None = None, **fields: Any) -> Job:
    """The first attempt of a job, by `runner-1` with `TOKEN`."""
    job = queued(job_spec, **fields)
    return claim(job, runner="runner-1", token_hash=hash_token(TOKEN), now=NOW).job


def claim(job: Job, *, runner: str, token_hash: bytes, now: datetime) -> Change:
    """queued → running, as the statement `claim_jobs` does it."""
    if (job.status, Verb.CLAIM) not in TRANSITIONS:
        raise WrongState(job.status, Verb.CLAIM, revision=job.revision)
    fields = verbs.attempt_fields(job, runner, token_hash, now)
    changed = {"status": JobStatus.RUNNING, "revision": job.revision + 1, "updated_at": fields["started_at"]}
    return Change(job._replace(**changed, **fields), Started())


def tracked(**fields: Any) -> Job:
    change = created(mode="tracked", runner="web-1", **fields)
    return start_tracked(change, runner="web-1", token_hash=hash_token(TOKEN)).job


def canceling(**fields: Any) -> Job:
    """A running job whose cancel was requested."""
    return verbs.request_cancel(running(**fields), requested_by="bob", reason="wrong input", now=after(1)).job


def completed(**fields: Any) -> Job:
    return verbs.complete(running(**fields), result=Json("3"), metrics=None, seq=1, now=after(2)).job


def failed(**fields: Any) -> Job:
    error = verbs.LOST.model_copy(update={"retryable": False})
    return verbs.fail(running(**fields), error, seq=1, draw=0.5, now=after(2)).job


def canceled(**fields: Any) -> Job:
    return verbs.request_cancel(queued(**fields), requested_by="bob", reason=None, now=after(1)).job


def in_status(status: JobStatus) -> Job:
    return {
        JobStatus.QUEUED: queued,
        JobStatus.RUNNING: canceling,
        JobStatus.COMPLETED: completed,
        JobStatus.FAILED: failed,
        JobStatus.CANCELED: canceled,
    }[status]()
