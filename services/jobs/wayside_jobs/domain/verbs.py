"""The verbs: each takes a job and returns it changed, with the fact to tell; none does anything else.

Time and randomness come in as arguments. Every visible change raises the revision by one and is one fact.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from wayside_events.jobs import Children, JobError, JobMode, JobStatus, Progress, QueuedReason
from wayside_jobs.domain import progress as progresses
from wayside_jobs.domain.errors import CancelNotRequested, WrongState
from wayside_jobs.domain.facts import (
    Canceled,
    CancelRequested,
    Completed,
    Expired,
    Failed,
    Logged,
    NewLines,
    Progressed,
    Queued,
)
from wayside_jobs.domain.job import NO_PROGRESS, Cancel, CancelState, Change, Job
from wayside_jobs.domain.logs import LogBounds
from wayside_jobs.domain.states import TERMINAL, TRANSITIONS, Verb
from wayside_jobs.domain.values import Json

LOST = JobError(code="lost", message="The runner fell silent for longer than its lease.")
TIMED_OUT = JobError(code="timeout", message="The attempt ran longer than the job's time-out.")
RELEASED = JobError(code="released", message="The process that ran the job shut down.")


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended without a result. `draw` is random, 0 ≤ draw < 1, for the delay before the next."""

    verb: Verb
    error: JobError
    reason: QueuedReason
    draw: float = 0.5


def attempt_fields(job: Job, runner: str, token_hash: bytes, now: datetime) -> dict[str, Any]:
    """What a new attempt sets: nothing of the one before is left. The statement `claim_jobs` sets the same."""
    policy = job.policy
    now = max(now, job.updated_at)
    lease_expires_at = now + timedelta(seconds=policy.lease_seconds)
    timeout_at = now + timedelta(seconds=policy.timeout_seconds) if policy.timeout_seconds else None
    return {
        "attempt": job.attempt + 1,
        "runner": runner,
        "token_hash": token_hash,
        "seq": 0,
        "progress": NO_PROGRESS,
        "partial": None,
        "error": None,
        "started_at": now,
        "lease_expires_at": lease_expires_at,
        "timeout_at": timeout_at,
        "due_at": min(lease_expires_at, timeout_at or lease_expires_at),
    }


def heartbeat(job: Job, *, seq: int, now: datetime) -> Change:
    """running → running: the lease begins anew; nothing visible changes."""
    _check(job, Verb.HEARTBEAT)
    return Change(job._replace(seq=seq, **_lease(job, now)), None)


def progress(job: Job, said: Progress, partial: Json | None, *, seq: int, now: datetime) -> Change:
    """running → running: fields left out keep their value, and the percentage never goes back."""
    _check(job, Verb.PROGRESS)
    merged = progresses.merged(job.progress, said)
    partial = job.partial if partial is None else partial
    if merged == job.progress and partial == job.partial:
        return heartbeat(job, seq=seq, now=now)
    fields = {"progress": merged, "partial": partial, "seq": seq} | _lease(job, now)
    return Change(_moved(job, Verb.PROGRESS, JobStatus.RUNNING, now, **fields), Progressed())


def roll_up(job: Job, children: Children, *, now: datetime) -> Change:
    """running → running: where the job's children are. It is no sign of life: the lease stays as it is."""
    _check(job, Verb.PROGRESS)
    merged = progresses.rolled_up(job.progress, children)
    if merged == job.progress:
        return Change(job, None)
    return Change(_moved(job, Verb.PROGRESS, JobStatus.RUNNING, now, progress=merged), Progressed())


def write_log(job: Job, lines: NewLines, *, bounds: LogBounds, seq: int, now: datetime) -> Change:
    """running → running: number the lines; a log that is over its bounds is to lose its oldest entries."""
    first = job.log_seq + lines.lost + 1
    numbered = tuple(replace(line, seq=number) for number, line in enumerate(lines.entries, start=first))
    log_bytes = job.log_bytes + sum(line.bytes for line in numbered)
    fields = {
        "log_seq": job.log_seq + lines.lost + len(numbered),
        "log_dropped": job.log_dropped + lines.lost,
        "log_bytes": log_bytes,
        "seq": seq,
    } | _lease(job, now)
    changed = _moved(job, Verb.LOG, JobStatus.RUNNING, now, **fields)
    is_over = bounds.are_exceeded_by(changed.log_entries, log_bytes)
    return Change(changed, Logged(numbered, bounds if is_over else None))


def complete(job: Job, *, result: Json, metrics: Json | None, seq: int, now: datetime) -> Change:
    """running → completed: also when cancel was requested meanwhile, for the work is done."""
    finished = {"progress": progresses.completed(job.progress), "seq": seq}
    fields = finished | {"result": result, "metrics": metrics, "error": None} | _finish(job, now)
    return Change(_moved(job, Verb.COMPLETE, JobStatus.COMPLETED, now, **fields), Completed())


def fail(job: Job, error: JobError, *, seq: int, draw: float, now: datetime) -> Change:
    """running → queued when the error is retryable and attempts are left, else failed."""
    ended = Ended(Verb.FAIL, error, QueuedReason.FAILED, draw)
    return _ended(job._replace(seq=seq), ended, now)


def lose(job: Job, *, draw: float, now: datetime) -> Change:
    """running → queued or failed: the lease expired, and the token is void from now on."""
    return _ended(_fenced(job), Ended(Verb.LOSE, _lost(job), QueuedReason.LOST, draw), now)


def time_out(job: Job, *, draw: float, now: datetime) -> Change:
    """running → queued or failed: the attempt ran too long, and the token is void from now on."""
    return _ended(_fenced(job), Ended(Verb.TIME_OUT, _timed_out(job), QueuedReason.TIMEOUT, draw), now)


def release(job: Job, *, seq: int, now: datetime) -> Change:
    """running → queued at once, with one more attempt; a tracked job, which nobody else can run, fails."""
    ended = Ended(Verb.RELEASE, RELEASED, QueuedReason.RELEASED)
    job = job._replace(seq=seq, max_attempts=job.max_attempts + 1, releases=job.releases + 1)
    return _ended(job, ended, now)


def request_cancel(
    job: Job, *, requested_by: str, reason: str | None, now: datetime, cascade: bool = True
) -> Change:
    """queued → canceled; running → running until the runner acknowledges or the grace period is over.

    With `cascade` the children are still to be asked. Asking again changes nothing. Raises `WrongState` when the job
    has ended.
    """
    _check(job, Verb.REQUEST_CANCEL)
    if job.cancel_requested:
        return Change(job, None)
    job = job._replace(is_cascading=cascade and job.child_count > 0)
    now = max(now, job.updated_at)
    cancel = Cancel(state=CancelState.REQUESTED, requested_by=requested_by, requested_at=now, reason=reason)
    if job.status is JobStatus.QUEUED:
        return _canceled(job._replace(cancel=cancel), Verb.REQUEST_CANCEL, CancelState.ACKNOWLEDGED, now)
    deadline = now + timedelta(seconds=job.policy.cancel_grace_seconds)
    fields = {
        "cancel": replace(cancel, deadline=deadline),
        "due_at": min(deadline, job.due_at or deadline),
    }
    return Change(_moved(job, Verb.REQUEST_CANCEL, JobStatus.RUNNING, now, **fields), CancelRequested())


def acknowledge_cancel(job: Job, *, seq: int, now: datetime) -> Change:
    """running → canceled, by the runner; raises `CancelNotRequested`."""
    return _canceled(job._replace(seq=seq), Verb.ACKNOWLEDGE_CANCEL, CancelState.ACKNOWLEDGED, now)


def force_cancel(job: Job, *, now: datetime) -> Change:
    """running → canceled: nobody acknowledged in time, and the token is void from now on."""
    return _canceled(_fenced(job), Verb.FORCE_CANCEL, CancelState.FORCED, now)


def expire(job: Job, *, now: datetime) -> Change:
    """terminal → deleted: the last revision is the one of the event that says so."""
    return Change(_moved(job, Verb.EXPIRE, job.status, now), Expired())


def overdue(job: Job, *, draw: float, now: datetime) -> Change:
    """Do what is due for a running job: force its cancel, time it out, lose it, or look again later."""
    _check(job, Verb.LOSE)
    if job.cancel is not None and job.cancel.deadline is not None and job.cancel.deadline <= now:
        return force_cancel(job, now=now)
    if job.timeout_at is not None and job.timeout_at <= now:
        return time_out(job, draw=draw, now=now)
    if job.lease_expires_at is not None and job.lease_expires_at <= now:
        return lose(job, draw=draw, now=now)
    return Change(job._replace(due_at=_next_due(job)), None)


def reissued(job: Job, token_hash: bytes) -> Job:
    """A new token for the attempt of a process whose answer to `create` was lost; nothing visible changes."""
    _check(job, Verb.HEARTBEAT)
    return job._replace(token_hash=token_hash, seq=0)


def _lost(job: Job) -> JobError:
    said = f"The runner fell silent for longer than its lease of {job.policy.lease_seconds:g} s."
    return LOST.model_copy(update={"message": said})


def _timed_out(job: Job) -> JobError:
    if job.policy.timeout_seconds is None:
        return TIMED_OUT
    said = f"The attempt ran longer than its time-out of {job.policy.timeout_seconds:g} s."
    return TIMED_OUT.model_copy(update={"message": said})


def _ended(job: Job, ended: Ended, now: datetime) -> Change:
    """Decide what follows an attempt without a result: another one, the end on request, or failure."""
    _check(job, ended.verb)
    again = ended.error.retryable and job.attempt < job.max_attempts and job.mode is JobMode.QUEUED
    if job.cancel_requested and (again or ended.verb is not Verb.FAIL):
        forced = ended.verb is not Verb.RELEASE and ended.verb is not Verb.FAIL
        state = CancelState.FORCED if forced else CancelState.ACKNOWLEDGED
        return _canceled(job, ended.verb, state, now)
    # Nobody can try a tracked job again but the process that ran it.
    is_final = job.mode is JobMode.TRACKED
    said = ended.error.model_copy(update={"retryable": False}) if is_final else ended.error
    error = Json(said.model_dump_json(exclude_none=True))
    if not again:
        fields = {"error": error} | _finish(job, now)
        return Change(_moved(job, ended.verb, JobStatus.FAILED, now, **fields), Failed())
    return _requeued(job, ended, error, now)


def _requeued(job: Job, ended: Ended, error: Json, now: datetime) -> Change:
    now = max(now, job.updated_at)
    released = ended.verb is Verb.RELEASE
    delay = 0.0 if released else job.policy.backoff_seconds(job.attempt - job.releases, ended.draw)
    fields = _NO_ATTEMPT | {
        "error": None if released else error,
        "started_at": None,
        "run_at": now + timedelta(seconds=delay),
        "progress": NO_PROGRESS,
        "partial": None,
    }
    return Change(_moved(job, ended.verb, JobStatus.QUEUED, now, **fields), Queued(ended.reason))


def _canceled(job: Job, verb: Verb, state: CancelState, now: datetime) -> Change:
    _check(job, verb)
    if job.cancel is None:
        raise CancelNotRequested(job.status, revision=job.revision)
    fields = _finish(job, now) | {"cancel": replace(job.cancel, state=state, deadline=None)}
    return Change(_moved(job, verb, JobStatus.CANCELED, now, **fields), Canceled())


_NO_ATTEMPT: dict[str, Any] = {"runner": None, "lease_expires_at": None, "timeout_at": None, "due_at": None}


def _finish(job: Job, now: datetime) -> dict[str, Any]:
    now = max(now, job.updated_at)
    ttl = job.policy.ttl_seconds
    return {
        "finished_at": now,
        "cancel": replace(job.cancel, deadline=None) if job.cancel else None,
        "lease_expires_at": None,
        "timeout_at": None,
        "due_at": None,
        "expires_at": None if ttl is None else now + timedelta(seconds=ttl),
    }


def _fenced(job: Job) -> Job:
    return job._replace(token_hash=None)


def _lease(job: Job, now: datetime) -> dict[str, Any]:
    return {"lease_expires_at": max(now, job.updated_at) + timedelta(seconds=job.policy.lease_seconds)}


def _next_due(job: Job) -> datetime | None:
    deadline = job.cancel.deadline if job.cancel else None
    return min((at for at in (job.lease_expires_at, job.timeout_at, deadline) if at), default=None)


def _check(job: Job, verb: Verb) -> None:
    if (job.status, verb) not in TRANSITIONS:
        raise WrongState(job.status, verb, revision=job.revision)


def _moved(job: Job, verb: Verb, to: JobStatus, now: datetime, **fields: Any) -> Job:
    """The visible change of a job; the database's clock may step back, a job's never does."""
    _check(job, verb)
    targets = TRANSITIONS[job.status, verb]
    assert to in targets or (not targets and job.status in TERMINAL), f"{job.status} {verb} {to}"
    return job._replace(status=to, revision=job.revision + 1, updated_at=max(now, job.updated_at), **fields)
