"""The reporter, over a connection that loses requests and answers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.eventually import eventually

from wayside import Stop
from wayside.reporting.attempt import Attempt
from wayside.reporting.buffer import Report
from wayside.reporting.grant import Grant
from wayside.reporting.queue import ReportQueue
from wayside.reporting.reporter import Reporter
from wayside_events.bus import BusUnavailable, RequestRefused
from wayside_events.contracts import jobs as contract
from wayside_events.contracts.jobs import REPORT, AssignedJob, Assignment, Outcome, ReportOutcome
from wayside_events.contracts.problems import Problem
from wayside_events.identifiers import ScopeName, new_id
from wayside_events.jobs import LogLevel

MAX_BYTES = 2_000


def new_attempt(*, lease_seconds: float = 60, cancel_grace_seconds: float = 30) -> Attempt:
    job = AssignedJob(
        id=new_id(),
        scope=ScopeName("acme"),
        type="report",
        queue="default",
        priority=5,
        max_attempts=3,
        created_by="tests",
        created_at=datetime.now(UTC),
    )
    assignment = Assignment(
        job=job,
        attempt=1,
        token="t",
        lease_seconds=lease_seconds,
        cancel_grace_seconds=cancel_grace_seconds,
    )
    return Attempt(Grant.of(assignment))


@dataclass
class Link:
    """A jobs service behind a link that loses some requests, and the answers to others."""

    losses: list[str] = field(default_factory=list)
    applied: dict[str, list[contract.Report]] = field(default_factory=dict)
    outcomes: dict[str, ReportOutcome] = field(default_factory=dict)
    refused: Problem | None = None
    batches: list[int] = field(default_factory=list)
    reporter: Reporter | None = None

    async def send(self, payloads: Sequence[bytes], seconds: float) -> Sequence[ReportOutcome]:
        reports: list[Report] = [orjson.loads(payload) for payload in payloads]
        loss = self.losses.pop() if self.losses else None
        if loss == "request":
            raise self.unavailable()
        if self.refused is not None and any(report["kind"] == "progress" for report in reports):
            raise RequestRefused(self.refused)
        outcomes = [self.take(report) for report in reports]
        self.batches.append(len(reports))
        if loss == "answer":
            raise self.unavailable()
        return outcomes

    def take(self, raw: Report) -> ReportOutcome:
        report = REPORT.validate_python(raw)
        applied = self.applied.setdefault(report.job_id, [])
        if applied and report.seq <= applied[-1].seq:
            return ReportOutcome(job_id=report.job_id, outcome=Outcome.STALE)
        outcome = self.outcomes.get(report.kind, ReportOutcome(job_id=None, outcome=Outcome.ACCEPTED))
        if outcome.outcome is Outcome.ACCEPTED:
            applied.append(report)
        return outcome

    def unavailable(self) -> BusUnavailable:
        assert self.reporter is not None
        asyncio.get_running_loop().call_soon(self.reporter.hurry)
        return BusUnavailable("cut")

    def of(self, attempt: Attempt) -> list[contract.Report]:
        return self.applied.get(attempt.job.id, [])

    def kinds(self, attempt: Attempt) -> list[str]:
        return [report.kind for report in self.of(attempt)]


@pytest.fixture
def link() -> Link:
    return Link()


@pytest.fixture
async def reporter(link: Link) -> AsyncIterator[Reporter]:
    link.reporter = Reporter(link.send, max_bytes=lambda: MAX_BYTES)
    task = asyncio.create_task(link.reporter.run())
    yield link.reporter
    task.cancel()


class Speaker:
    """An attempt that says things, and what it said."""

    def __init__(self) -> None:
        self.attempt = new_attempt()
        self.progress: dict[str, float] = {}
        self.lines: list[str] = []

    def say(self, progress: dict[str, int], lines: int) -> None:
        if progress:
            self.progress |= progress
            self.attempt.progress(dict(progress))
        for _ in range(lines):
            self.lines.append(str(len(self.lines)))
            self.attempt.log(LogLevel.INFO, self.lines[-1], {})


def heard(reports: Sequence[contract.Report]) -> tuple[dict[str, float], list[str]]:
    """What all reports together say."""
    progress: dict[str, float] = {}
    lines: list[str] = []
    for report in reports:
        match report:
            case contract.ProgressReport():
                progress |= report.progress.model_dump(exclude_none=True)
            case contract.LogReport():
                lines += [entry.message for entry in report.entries]
    return progress, lines


FIELDS = st.dictionaries(st.sampled_from(["current", "total", "percent"]), st.integers(0, 9))
SAYINGS = st.lists(
    st.tuples(st.integers(0, 2), FIELDS, st.integers(0, 30), st.integers(0, 3)),
    max_size=40,
)
LOSSES = st.lists(st.sampled_from(["request", "answer", ""]), max_size=20)


@settings(max_examples=60, deadline=None)
@given(sayings=SAYINGS, losses=LOSSES, is_threaded=st.booleans())
def test_nothing_is_lost_doubled_or_reordered_whatever_the_connection_loses(
    sayings: list[tuple[int, dict[str, int], int, int]], losses: list[str], is_threaded: bool
) -> None:
    async def converse() -> None:
        link = Link(losses=list(losses))
        link.reporter = Reporter(
            link.send, max_bytes=lambda: MAX_BYTES, queue=ReportQueue(interval_seconds=0)
        )
        running = asyncio.create_task(link.reporter.run())
        speakers = [Speaker() for _ in range(3)]
        for speaker in speakers:
            link.reporter.add(speaker.attempt)
        for number, progress, lines, pauses in sayings:
            if is_threaded:
                await asyncio.to_thread(speakers[number].say, progress, lines)
            else:
                speakers[number].say(progress, lines)
            for _ in range(pauses):
                await asyncio.sleep(0)
        for speaker in speakers:
            speaker.attempt.complete(1)
        assert await link.reporter.drain(10) == 0
        running.cancel()
        for speaker in speakers:
            assert heard(link.of(speaker.attempt)) == (speaker.progress, speaker.lines)
            assert link.kinds(speaker.attempt).index("complete") == len(link.of(speaker.attempt)) - 1

    asyncio.run(converse())


async def test_progress_of_one_job_is_sent_at_most_every_eighty_milliseconds(
    reporter: Reporter, link: Link
) -> None:
    attempt = new_attempt()
    reporter.add(attempt)
    for step in range(30):
        attempt.progress({"current": step})
        await asyncio.sleep(0.01)
    assert await eventually(lambda: heard(link.of(attempt)) == ({"current": 29}, []))
    assert 3 <= len(link.of(attempt)) <= 8


async def test_an_ending_does_not_wait_for_the_interval(reporter: Reporter, link: Link) -> None:
    attempt = new_attempt()
    reporter.add(attempt)
    attempt.progress({"current": 1})
    assert await eventually(lambda: link.kinds(attempt) == ["progress"])
    attempt.progress({"current": 2})
    attempt.complete(None)
    assert await reporter.drain(5) == 0
    assert link.kinds(attempt) == ["progress", "progress", "complete"]


async def test_batches_stay_within_the_size_of_a_request(reporter: Reporter, link: Link) -> None:
    attempts = [new_attempt() for _ in range(40)]
    for attempt in attempts:
        reporter.add(attempt)
        attempt.complete("x" * 100)
    assert await reporter.drain(5) == 0
    assert all(link.kinds(attempt) == ["complete"] for attempt in attempts)
    assert max(link.batches) < 10


@pytest.mark.parametrize("stop", [None, Stop.CANCEL, Stop.SHUTDOWN])
async def test_a_silent_attempt_sends_heartbeats_until_its_end(
    reporter: Reporter, link: Link, stop: Stop | None
) -> None:
    """Also while its handler cleans up."""
    attempt = new_attempt(lease_seconds=0.15)
    reporter.add(attempt)
    if stop is not None:
        attempt.stop(stop)
    assert await eventually(lambda: link.kinds(attempt).count("heartbeat") >= 3)
    attempt.release()
    assert await reporter.drain(5) == 0
    assert link.kinds(attempt)[-1] == "release"


async def test_a_fenced_attempt_is_stopped_and_says_nothing_more(reporter: Reporter, link: Link) -> None:
    link.outcomes["progress"] = ReportOutcome(job_id=None, outcome=Outcome.FENCED)
    attempt = new_attempt()
    reporter.add(attempt)
    attempt.progress({"current": 1})
    assert await eventually(lambda: attempt.stop_reason is Stop.FENCED)
    attempt.complete("too late")
    assert await reporter.drain(5) == 0
    assert link.of(attempt) == []


async def test_a_cancel_comes_with_the_answer_to_any_report(reporter: Reporter, link: Link) -> None:
    link.outcomes["progress"] = ReportOutcome(job_id=None, outcome=Outcome.ACCEPTED, cancel_requested=True)
    attempt = new_attempt()
    reporter.add(attempt)
    attempt.progress({"current": 1})
    assert await eventually(lambda: attempt.stop_reason is Stop.CANCEL)


async def test_a_batch_that_is_refused_as_such_is_sent_report_by_report(
    reporter: Reporter, link: Link
) -> None:
    link.refused = Problem(title="x", status=422, code="invalid_input", detail="no")
    good, bad = new_attempt(), new_attempt()
    for attempt in (good, bad):
        reporter.add(attempt)
    bad.progress({"current": 1})
    good.complete(1)
    bad.complete(2)
    assert await reporter.drain(5) == 0
    assert (link.kinds(good), link.kinds(bad)) == (["complete"], ["complete"])


@pytest.mark.parametrize("kind", ["complete", "acknowledge_cancel", "release"])
async def test_an_ending_that_is_refused_is_replaced_by_a_failure(
    reporter: Reporter, link: Link, kind: str
) -> None:
    problem = Problem(title="x", status=422, code="wrong", detail="not like this")
    link.outcomes[kind] = ReportOutcome(job_id=None, outcome=Outcome.INVALID, problem=problem)
    attempt = new_attempt()
    reporter.add(attempt)
    attempt.buffer.finish({"kind": kind})
    attempt.wake(attempt)
    assert await reporter.drain(5) == 0
    (report,) = link.of(attempt)
    assert isinstance(report, contract.FailReport)
    assert "not like this" in report.error.message


async def test_an_attempt_whose_every_ending_is_refused_is_left_to_its_lease(
    reporter: Reporter, link: Link
) -> None:
    for kind in ("complete", "fail"):
        link.outcomes[kind] = ReportOutcome(job_id=None, outcome=Outcome.INVALID)
    attempt = new_attempt()
    reporter.add(attempt)
    attempt.complete(1)
    assert await reporter.drain(5) == 0
    assert attempt.is_settled


async def test_what_is_said_before_there_is_a_job_is_reported_once_there_is_one(
    reporter: Reporter, link: Link
) -> None:
    grant = new_attempt().granted
    attempt = Attempt()
    attempt.progress({"current": 1})
    attempt.complete(7)
    attempt.bind(grant)
    reporter.add(attempt)
    assert await reporter.drain(5) == 0
    assert link.kinds(attempt) == ["progress", "complete"]


async def test_many_jobs_end_in_a_few_full_batches(link: Link) -> None:
    link.reporter = Reporter(link.send, max_bytes=lambda: 1_000_000)
    attempts = [new_attempt() for _ in range(3_000)]
    for attempt in attempts:
        link.reporter.add(attempt)
        attempt.complete(None)
    task = asyncio.create_task(link.reporter.run())
    assert await link.reporter.drain(20) == 0
    assert link.batches == [1_000, 1_000, 1_000]
    task.cancel()


async def test_a_report_that_no_request_can_hold_is_refused_instead_of_blocking_the_others(
    link: Link, reporter: Reporter
) -> None:
    large, small = new_attempt(), new_attempt()
    for attempt, result in ((large, "x" * MAX_BYTES), (small, "y")):
        reporter.add(attempt)
        attempt.complete(result)
    assert await eventually(lambda: large.is_settled and small.is_settled)
    ended = {attempt.job.id: link.applied[attempt.job.id][-1].kind for attempt in (large, small)}
    assert ended == {large.job.id: "fail", small.job.id: "complete"}


async def test_what_keeps_leases_from_outside_comes_after_what_is_not_answered_and_hides_nothing() -> None:
    sent: list[Sequence[bytes]] = []
    answer = asyncio.Event()

    async def send(payloads: Sequence[bytes], seconds: float) -> Sequence[ReportOutcome]:
        sent.append(payloads)
        await answer.wait()
        ids = [orjson.loads(payload)["job_id"] for payload in payloads]
        return [ReportOutcome(job_id=job_id, outcome=Outcome.ACCEPTED) for job_id in ids]

    reporter = Reporter(send, max_bytes=lambda: MAX_BYTES)
    running = asyncio.create_task(reporter.run())
    silent, ended = new_attempt(), new_attempt()
    for attempt in (silent, ended):
        reporter.add(attempt)
    silent.progress({"percent": 1.0})
    ended.complete(None)
    assert await eventually(lambda: len(sent) == 1)
    again, beats = await asyncio.to_thread(reporter.pulse)
    assert again == sent[0]
    [beat] = map(orjson.loads, beats)
    assert (beat["kind"], beat["job_id"], beat["seq"]) == ("heartbeat", silent.granted.job_id, 2)
    answer.set()
    assert await eventually(lambda: reporter.known == 1)
    assert [len(batch) for batch in reporter.pulse()] == [1]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
