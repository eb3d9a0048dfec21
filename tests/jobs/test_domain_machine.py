"""Any sequence of verbs on one job keeps the promises of the state machine; pure."""

from datetime import timedelta
from typing import Any

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.jobs.samples import NOW, claim, created, spec

from wayside_events.contracts.jobs import REPORT, Outcome
from wayside_events.jobs import JobStatus
from wayside_jobs.domain import verbs
from wayside_jobs.domain.errors import WrongState
from wayside_jobs.domain.facts import Started
from wayside_jobs.domain.job import Change, Job, hash_token
from wayside_jobs.domain.logs import LogBounds
from wayside_jobs.domain.reports import Chance, decide, prepare
from wayside_jobs.domain.states import TERMINAL

REPORTS: list[dict[str, Any]] = [
    {"kind": "heartbeat"},
    {"kind": "log", "entries": [{"time": NOW, "message": "hello"}]},
    {"kind": "complete", "result": 1},
    {"kind": "fail", "error": {"code": "error", "message": "no"}},
    {"kind": "fail", "error": {"code": "error", "message": "never", "retryable": False}},
    {"kind": "release"},
    {"kind": "acknowledge_cancel"},
]


class OneJob(RuleBasedStateMachine):
    """Runners come and go, report late and twice; somebody cancels; the clock jumps."""

    def __init__(self) -> None:
        super().__init__()
        limits = spec(lease_seconds=10, timeout_seconds=40, cancel_grace_seconds=5, max_attempts=3)
        self.job: Job = created(limits).job
        self.now = NOW
        self.tokens: list[tuple[int, str]] = []
        self.seq = 0
        self.finals = 0

    def do(self, change: Change) -> None:
        before, after = self.job, change.job
        assert after.revision - before.revision == (0 if change.fact is None else 1)
        assert after.updated_at >= before.updated_at
        assert before.status not in TERMINAL
        self.finals += after.status in TERMINAL
        if isinstance(change.fact, Started):
            assert after.attempt == before.attempt + 1
        elif after.attempt == before.attempt and after.status is JobStatus.RUNNING:
            assert percent(after) >= percent(before)
        self.job = after

    @rule(seconds=st.sampled_from([-3, 1, 4, 11, 41]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.job.status is JobStatus.QUEUED)
    @rule()
    def is_claimed(self) -> None:
        token = f"token {self.job.attempt + 1}"
        self.do(claim(self.job, runner="r", token_hash=hash_token(token), now=self.now))
        self.tokens.append((self.job.attempt, token))
        self.seq = 0

    @precondition(lambda self: self.tokens)
    @rule(data=st.data(), is_repeat=st.booleans())
    def somebody_reports(self, data: st.DataObject, is_repeat: bool) -> None:
        attempt, token = data.draw(st.sampled_from(self.tokens))
        shown = data.draw(st.floats(0, 100))
        kinds = [*REPORTS, {"kind": "progress", "progress": {"percent": shown}}]
        said = data.draw(st.sampled_from(kinds))
        seq = max(self.seq, 1) if is_repeat else self.seq + 1
        report = {**said, "job_id": self.job.id, "attempt": attempt, "token": token, "seq": seq}
        decision = decide(
            self.job,
            prepare(REPORT.validate_python(report)),
            Chance(self.now, draw=0.5, log_bounds=LogBounds(5, 10_000)),
        )
        if attempt != self.job.attempt:
            assert decision.outcome is Outcome.FENCED
        if decision.change is not None:
            assert self.job.status is JobStatus.RUNNING
            self.seq = seq
            self.do(decision.change)

    @rule()
    def somebody_cancels(self) -> None:
        try:
            self.do(verbs.request_cancel(self.job, requested_by="bob", reason=None, now=self.now))
        except WrongState:
            assert self.job.status in TERMINAL

    @precondition(lambda self: self.job.due_at is not None and self.job.due_at <= self.now)
    @rule()
    def the_sweeper_looks(self) -> None:
        self.do(verbs.overdue(self.job, draw=0.5, now=self.now))

    @invariant()
    def there_is_one_end(self) -> None:
        assert self.finals == (self.job.status in TERMINAL)

    @invariant()
    def attempts_do_not_exceed_their_number(self) -> None:
        assert self.job.attempt <= self.job.max_attempts

    @invariant()
    def a_running_job_is_looked_at_in_time(self) -> None:
        deadline = self.job.cancel.deadline if self.job.cancel else None
        ends = [at for at in (self.job.lease_expires_at, self.job.timeout_at, deadline) if at]
        assert (self.job.status is JobStatus.RUNNING) == bool(ends)
        assert self.job.due_at is None if not ends else self.job.due_at is not None
        assert self.job.due_at is None or self.job.due_at <= min(ends)


def percent(job: Job) -> float:
    return float(orjson.loads(job.progress).get("percent") or 0)


TestOneJob = OneJob.TestCase
TestOneJob.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
