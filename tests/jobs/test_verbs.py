"""What each verb does to a job; pure."""

import orjson
import pytest
from tests.jobs.samples import (
    NOW,
    OTHER_ID,
    after,
    canceled,
    canceling,
    claim,
    completed,
    failed,
    queued,
    running,
    spec,
    tracked,
)

from wayside_events.jobs import JobError, JobStatus, LogLevel, Progress, QueuedReason
from wayside_jobs.domain import verbs
from wayside_jobs.domain.creation import Origin, retry
from wayside_jobs.domain.errors import CancelNotRequested
from wayside_jobs.domain.facts import (
    Canceled,
    CancelRequested,
    Failed,
    Logged,
    LogRow,
    NewLines,
    Progressed,
    Queued,
    Started,
)
from wayside_jobs.domain.job import CancelState, Job
from wayside_jobs.domain.logs import LogBounds
from wayside_jobs.domain.progress import PERCENT_LIMIT
from wayside_jobs.domain.values import Json

ERROR = JobError(code="error", message="no")


def percent(job: Job) -> float | None:
    shown: float | None = orjson.loads(job.progress).get("percent")
    return shown


def at(job: Job, shown: float | None, **fields: object) -> Job:
    said = Progress.model_validate({"percent": shown, **fields})
    return verbs.progress(job, said, None, seq=job.seq + 1, now=after(1)).job


def test_a_claim_begins_an_attempt_with_a_lease() -> None:
    change = claim(queued(), runner="r", token_hash=b"hash", now=after(5))
    assert (change.job.attempt, change.job.runner, change.job.started_at) == (1, "r", after(5))
    assert (change.job.lease_expires_at, change.job.due_at) == (after(35), after(35))
    assert (change.fact, change.job.revision) == (Started(), 2)


def test_a_job_is_due_when_the_first_of_lease_and_time_out_is_over() -> None:
    assert running(spec(lease_seconds=60, timeout_seconds=20)).due_at == after(20)
    assert running(spec(lease_seconds=10, timeout_seconds=20)).due_at == after(10)


def test_a_heartbeat_extends_the_lease_and_is_not_visible() -> None:
    before = running()
    change = verbs.heartbeat(before, seq=7, now=after(10))
    assert change.fact is None
    assert change.job == before._replace(seq=7, lease_expires_at=after(40))


def test_the_percentage_never_goes_back_but_the_rest_is_updated() -> None:
    job = at(at(running(), 60, phase="load"), 20, phase="infer")
    assert orjson.loads(job.progress) == {"percent": 60, "phase": "infer"}


def test_the_percentage_stays_below_a_hundred_until_the_job_completes() -> None:
    job = at(running(), 100)
    assert percent(job) == PERCENT_LIMIT
    assert percent(verbs.complete(job, result=Json("1"), metrics=None, seq=9, now=after(2)).job) == 100


def test_the_percentage_cannot_be_taken_back_by_a_null() -> None:
    assert percent(at(at(running(), 30), None)) == 30


def test_progress_left_out_keeps_its_value_and_a_null_removes_it() -> None:
    job = at(running(), 10, phase="load", message="hello")
    job = verbs.progress(job, Progress(message=None), None, seq=9, now=after(2)).job
    assert orjson.loads(job.progress) == {"percent": 10, "phase": "load"}


def test_the_same_progress_again_is_a_heartbeat() -> None:
    job = at(running(), 10)
    change = verbs.progress(job, Progress(percent=10), None, seq=9, now=after(3))
    assert (change.fact, change.job.revision, change.job.seq) == (None, job.revision, 9)


def test_a_partial_result_is_kept_until_the_next_one() -> None:
    job = verbs.progress(running(), Progress(), Json("[1]"), seq=1, now=after(1)).job
    change = verbs.progress(job, Progress(percent=5), None, seq=2, now=after(2))
    assert (change.job.partial, change.fact) == (Json("[1]"), Progressed())


def test_a_job_that_waits_again_has_no_partial_result() -> None:
    job = verbs.progress(running(), Progress(), Json("[1]"), seq=1, now=after(1)).job
    for again in (
        verbs.fail(job, ERROR, seq=2, draw=0.5, now=after(2)),
        verbs.release(job, seq=2, now=after(2)),
        verbs.lose(job, draw=0.5, now=after(60)),
    ):
        assert (again.job.status, again.job.partial) == (JobStatus.QUEUED, None)


def test_lines_that_a_runner_lost_have_numbers_and_are_counted() -> None:
    line = LogRow(0, NOW, LogLevel.INFO, "here", Json("{}"), bytes=6)
    first = verbs.write_log(running(), NewLines([line]), bounds=LogBounds(5, 100), seq=1, now=after(1)).job
    change = verbs.write_log(first, NewLines([line], 40), bounds=LogBounds(5, 100), seq=2, now=after(2))
    assert isinstance(change.fact, Logged)
    assert (change.fact.entries[0].seq, change.fact.bounds) == (42, None)
    assert (change.job.log_entries, change.job.log_dropped) == (2, 40)


def test_log_entries_are_numbered_on_and_a_log_over_its_bounds_is_to_be_cut() -> None:
    lines = [LogRow(0, NOW, LogLevel.INFO, f"line {n}", Json("{}"), bytes=8) for n in range(3)]
    bounds = LogBounds(5, 10_000)
    first = verbs.write_log(running(), NewLines(lines), bounds=bounds, seq=1, now=after(1))
    change = verbs.write_log(first.job, NewLines(lines), bounds=bounds, seq=2, now=after(2))
    assert isinstance(first.fact, Logged)
    assert isinstance(change.fact, Logged)
    assert [entry.seq for entry in change.fact.entries] == [4, 5, 6]
    assert (first.fact.bounds, change.fact.bounds, change.job.log_bytes) == (None, bounds, 48)


def test_completion_ends_the_attempt_and_starts_the_time_to_live() -> None:
    job = completed(job_spec=spec(ttl_seconds=60))
    assert (job.status, job.duration_seconds, job.expires_at) == (JobStatus.COMPLETED, 2, after(62))
    assert (job.lease_expires_at, job.due_at, job.token_hash is None) == (None, None, False)


def test_a_job_completes_even_when_its_cancel_was_requested() -> None:
    change = verbs.complete(canceling(), result=Json("1"), metrics=None, seq=1, now=after(2))
    assert change.job.status is JobStatus.COMPLETED


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 5), (0.5, 10), (0.999999, 15)])
def test_a_retryable_failure_waits_for_its_backoff_with_jitter(draw: float, seconds: float) -> None:
    change = verbs.fail(running(), ERROR, seq=1, draw=draw, now=NOW)
    assert (change.job.status, change.fact) == (JobStatus.QUEUED, Queued(QueuedReason.FAILED))
    assert (change.job.run_at - NOW).total_seconds() == pytest.approx(seconds, abs=0.001)
    assert (change.job.runner, change.job.lease_expires_at, change.job.progress) == (None, None, "{}")


def test_the_backoff_grows_to_its_limit() -> None:
    policy = queued().policy
    assert [policy.backoff_seconds(attempt, 0.5) for attempt in (1, 2, 3, 500)] == [10, 20, 30, 30]


def test_the_last_attempt_fails_the_job() -> None:
    change = verbs.fail(running(max_attempts=1), ERROR, seq=1, draw=0.5, now=after(2))
    assert (change.job.status, change.fact) == (JobStatus.FAILED, Failed())
    assert orjson.loads(change.job.error or "") == ERROR.model_dump(exclude_none=True)


def test_an_error_that_is_not_retryable_fails_the_job_at_once() -> None:
    assert failed(max_attempts=5).status is JobStatus.FAILED


def test_a_lost_attempt_is_queued_again_and_its_token_void() -> None:
    change = verbs.lose(running(), draw=0.5, now=after(60))
    assert (change.job.status, change.fact) == (JobStatus.QUEUED, Queued(QueuedReason.LOST))
    error = orjson.loads(change.job.error or "")
    assert (change.job.token_hash, error["code"]) == (None, "lost")
    assert error["message"] == "The runner fell silent for longer than its lease of 30 s."


def test_a_release_is_queued_at_once_and_burns_no_attempt() -> None:
    change = verbs.release(running(max_attempts=1), seq=1, now=after(3))
    assert (change.job.status, change.fact) == (JobStatus.QUEUED, Queued(QueuedReason.RELEASED))
    assert (change.job.run_at, change.job.error) == (after(3), None)
    assert change.job.max_attempts - change.job.attempt == 1


def test_what_follows_a_release_knows_nothing_of_it() -> None:
    released = verbs.release(running(max_attempts=2), seq=1, now=after(3)).job
    second = claim(released, runner="r2", token_hash=b"2", now=after(4)).job
    retryable = JobError(code="c", message="m", retryable=True)
    again = verbs.fail(second, retryable, seq=1, draw=0.5, now=after(5)).job
    assert again.run_at == after(15)
    third = claim(again, runner="r3", token_hash=b"3", now=after(15)).job
    over = verbs.fail(third, retryable, seq=1, draw=0.5, now=after(16)).job
    assert (over.status, over.max_attempts) == (JobStatus.FAILED, 3)
    assert retry(over, OTHER_ID, Origin(created_by="bob"), after(20)).job.max_attempts == 2


def test_a_second_attempt_starts_from_nothing() -> None:
    lost = verbs.lose(at(running(), 50), draw=0.5, now=after(60)).job
    job = claim(lost, runner="r2", token_hash=b"2", now=after(90)).job
    assert (job.attempt, job.progress, job.seq, job.error) == (2, "{}", 0, None)


@pytest.mark.parametrize("end", [verbs.lose, verbs.time_out])
def test_a_tracked_job_whose_process_is_gone_fails(end: object) -> None:
    change = end(tracked(), draw=0.5, now=after(60))  # type: ignore[operator]
    assert change.job.status is JobStatus.FAILED


def test_a_tracked_job_cannot_be_given_to_somebody_else() -> None:
    change = verbs.release(tracked(), seq=1, now=after(1))
    assert (change.job.status, orjson.loads(change.job.error or "")["code"]) == (JobStatus.FAILED, "released")


def test_a_queued_job_is_canceled_at_once() -> None:
    job = canceled()
    assert (job.status, job.revision, job.duration_seconds) == (JobStatus.CANCELED, 2, None)
    assert job.cancel is not None
    assert (job.cancel.state, job.cancel.requested_by) == (CancelState.ACKNOWLEDGED, "bob")


def test_a_running_job_has_its_grace_period_to_stop() -> None:
    change = verbs.request_cancel(
        running(spec(cancel_grace_seconds=5)), requested_by="bob", reason="x", now=after(1)
    )
    assert (change.job.status, change.fact) == (JobStatus.RUNNING, CancelRequested())
    assert change.job.cancel is not None
    assert (change.job.cancel.deadline, change.job.due_at) == (after(6), after(6))


def test_a_second_request_to_cancel_changes_nothing() -> None:
    job = canceling()
    change = verbs.request_cancel(job, requested_by="eve", reason="again", now=after(9))
    assert (change.job, change.fact) == (job, None)


def test_an_acknowledged_cancel_ends_the_job() -> None:
    change = verbs.acknowledge_cancel(canceling(), seq=1, now=after(2))
    assert (change.job.status, change.fact) == (JobStatus.CANCELED, Canceled())


def test_a_cancel_that_nobody_requested_cannot_be_acknowledged() -> None:
    with pytest.raises(CancelNotRequested):
        verbs.acknowledge_cancel(running(), seq=1, now=after(2))


def test_a_job_that_is_to_be_canceled_is_not_queued_again() -> None:
    change = verbs.fail(canceling(), ERROR, seq=1, draw=0.5, now=after(2))
    assert (change.job.status, change.job.cancel and change.job.cancel.state) == (
        JobStatus.CANCELED,
        CancelState.ACKNOWLEDGED,
    )


@pytest.mark.parametrize(
    ("job", "seconds", "status", "code"),
    [
        (running(), 29, JobStatus.RUNNING, None),
        (running(), 30, JobStatus.QUEUED, "lost"),
        (running(spec(timeout_seconds=20)), 20, JobStatus.QUEUED, "timeout"),
        (running(spec(timeout_seconds=20), max_attempts=1), 20, JobStatus.FAILED, "timeout"),
        (canceling(job_spec=spec(cancel_grace_seconds=5)), 6, JobStatus.CANCELED, None),
        (canceling(job_spec=spec(lease_seconds=2)), 3, JobStatus.CANCELED, None),
    ],
)
def test_what_is_due_is_done(job: Job, seconds: float, status: JobStatus, code: str | None) -> None:
    after_it = verbs.overdue(job, draw=0.5, now=after(seconds)).job
    assert (after_it.status, orjson.loads(after_it.error or "{}").get("code")) == (status, code)
    assert (after_it.token_hash is None) == (status is not JobStatus.RUNNING)


def test_a_job_that_reported_meanwhile_is_looked_at_later() -> None:
    job = verbs.heartbeat(running(), seq=1, now=after(20)).job
    change = verbs.overdue(job, draw=0.5, now=after(30))
    assert (change.fact, change.job.due_at) == (None, after(50))


def test_a_forced_cancel_says_so() -> None:
    job = verbs.force_cancel(canceling(), now=after(60)).job
    assert job.cancel is not None
    assert (job.status, job.cancel.state) == (JobStatus.CANCELED, CancelState.FORCED)


def test_a_retry_is_a_new_job_that_knows_the_old_one() -> None:
    old = failed(session_id="s-1", unique_key="k")
    change = retry(old, OTHER_ID, Origin(created_by="eve"), after(9))
    assert (change.job.retry_of, change.job.status, change.job.revision) == (old.id, JobStatus.QUEUED, 1)
    assert (change.job.session_id, change.job.created_by, change.job.attempt) == ("s-1", "eve", 0)


def test_time_of_a_job_never_goes_back_even_if_the_clock_does() -> None:
    job = at(running(), 10)
    assert verbs.lose(job, draw=0.5, now=after(-100)).job.updated_at == job.updated_at
