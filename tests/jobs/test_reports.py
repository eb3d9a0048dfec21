"""What becomes of reports; pure."""

from typing import Any

import pytest
from tests.jobs.samples import NOW, TOKEN, after, canceling, completed, failed, queued, running

from wayside_events.contracts.jobs import REPORT, Outcome
from wayside_events.jobs import JobStatus
from wayside_jobs.domain import verbs
from wayside_jobs.domain.errors import CancelNotRequested, InvalidValue, ValueTooLarge
from wayside_jobs.domain.job import Job
from wayside_jobs.domain.logs import LogBounds
from wayside_jobs.domain.reports import Chance, Decision, decide, prepare

CHANCE = Chance(now=after(5), draw=0.5, log_bounds=LogBounds(100, 10_000))
LINE = {"time": NOW, "message": "hello"}


def report(kind: str = "heartbeat", **fields: Any) -> dict[str, Any]:
    said = {"kind": kind, "job_id": running().id, "attempt": 1, "token": TOKEN, "seq": 5}
    return {**said, **fields}


def decided(job: Job, kind: str = "heartbeat", **fields: Any) -> Decision:
    return decide(job, prepare(REPORT.validate_python(report(kind, **fields))), CHANCE)


@pytest.mark.parametrize(
    ("kind", "fields", "status"),
    [
        ("heartbeat", {}, JobStatus.RUNNING),
        ("progress", {"progress": {"percent": 3}}, JobStatus.RUNNING),
        ("log", {"entries": [LINE]}, JobStatus.RUNNING),
        ("complete", {"result": 3}, JobStatus.COMPLETED),
        ("fail", {"error": {"code": "error", "message": "no"}}, JobStatus.QUEUED),
        ("release", {}, JobStatus.QUEUED),
        ("acknowledge_cancel", {}, JobStatus.CANCELED),
    ],
)
def test_the_owner_of_an_attempt_is_believed(kind: str, fields: dict[str, Any], status: JobStatus) -> None:
    job = canceling() if kind == "acknowledge_cancel" else running()
    decision = decided(job, kind, **fields)
    assert decision.outcome is Outcome.ACCEPTED
    assert decision.change is not None
    assert (decision.change.job.status, decision.change.job.seq) == (status, 5)


@pytest.mark.parametrize("fields", [{"token": "another"}, {"attempt": 2}, {"token": TOKEN + " "}])
def test_nobody_else_is(fields: dict[str, Any]) -> None:
    assert decided(running(), **fields).outcome is Outcome.FENCED


@pytest.mark.parametrize("job", [queued(), verbs.lose(running(), draw=0.5, now=after(60)).job])
def test_an_attempt_that_is_over_is_fenced(job: Job) -> None:
    assert decided(job).outcome is Outcome.FENCED


def test_a_repeat_is_stale_and_changes_nothing() -> None:
    job = running()._replace(seq=5)
    assert decided(job, "complete") == Decision(Outcome.STALE)


@pytest.mark.parametrize("job", [completed(), failed(), verbs.release(running(), seq=1, now=NOW).job])
def test_the_repeat_of_a_last_report_is_stale_and_a_new_one_fenced(job: Job) -> None:
    assert decided(job, seq=1).outcome is Outcome.STALE
    assert decided(job, seq=2).outcome is Outcome.FENCED


def test_what_is_not_possible_is_invalid_and_says_why() -> None:
    decision = decided(running(), "acknowledge_cancel")
    assert decision.outcome is Outcome.INVALID
    assert isinstance(decision.error, CancelNotRequested)


@pytest.mark.parametrize(
    ("kind", "fields", "place"),
    [
        ("complete", {"result": {"a": ["x\0"]}}, "/result/a/0"),
        ("complete", {"result": {"\0": 1}}, "/result"),
        ("complete", {"result": float("nan")}, "/result"),
        ("complete", {"result": {"a": float("inf"), "b": None}}, "/result/a"),
        ("complete", {"result": 2**80}, "/result"),
        ("complete", {"metrics": {"x": "\0"}}, "/metrics/x"),
        ("progress", {"progress": {"message": "\0"}}, "/progress/message"),
        ("progress", {"progress": {"current": float("nan")}}, "/progress/current"),
        ("progress", {"progress": {}, "partial": "\0"}, "/partial"),
        ("fail", {"error": {"code": "c", "message": "\0"}}, "/error/message"),
        ("log", {"entries": [{**LINE, "message": "\0"}]}, "/entries/0/message"),
        ("log", {"entries": [LINE, {**LINE, "context": {"a": "\0"}}]}, "/entries/1/context/a"),
    ],
)
def test_what_postgres_cannot_hold_is_found_beforehand(kind: str, fields: Any, place: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        prepare(REPORT.validate_python(report(kind, **fields)))
    assert refused.value.errors[0].field == place


@pytest.mark.parametrize(
    ("kind", "fields", "place"),
    [
        ("complete", {"result": "x" * 256 * 1024}, "/result"),
        ("complete", {"metrics": {"a": "x" * 64 * 1024}}, "/metrics"),
        ("progress", {"progress": {}, "partial": "x" * 256 * 1024}, "/partial"),
        ("fail", {"error": {"code": "c", "message": "m", "details": {"a": "x" * 65536}}}, "/error"),
        ("log", {"entries": [{**LINE, "message": "x" * 16_000}] * 17}, "/entries"),
        ("log", {"entries": [{**LINE, "message": "\x01" * 16_000}] * 3}, "/entries"),
    ],
)
def test_what_is_too_large_is_found_beforehand(kind: str, fields: Any, place: str) -> None:
    with pytest.raises(ValueTooLarge) as refused:
        prepare(REPORT.validate_python(report(kind, **fields)))
    assert refused.value.errors[0].field == place


def test_a_text_that_only_looks_like_a_nul_character_is_fine() -> None:
    assert prepare(REPORT.validate_python(report("complete", result="\\u0000"))).payload == '"\\\\u0000"'
