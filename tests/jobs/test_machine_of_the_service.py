"""Whatever runners, users and time do to two instances of the real service, its promises hold.

`WAYSIDE_MACHINE_EXAMPLES` says how many runs are tried; 500 take about ten minutes.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from tests.jobs.machine_model import ENDINGS, Row, expected_outcome
from tests.jobs.machine_world import NATS, TIMERS, Service, World, service

from wayside_events.contracts.jobs import Assignment, Outcome
from wayside_events.jobs import JobStatus
from wayside_jobs.domain.states import TERMINAL

EXAMPLES = int(os.environ.get("WAYSIDE_MACHINE_EXAMPLES", "12"))
SECONDS_AN_EXAMPLE = 6

# No shrinking: a race goes another way each time, so smaller runs say little and take long.
SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    phases=(Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)

pytestmark = [pytest.mark.long, pytest.mark.timeout(60 + EXAMPLES * SECONDS_AN_EXAMPLE)]

INSTANCES = st.sampled_from([0, 1])
DOORS = st.sampled_from([0, 1, NATS])
RUNNERS = st.sampled_from(["runner-1", "runner-2", "runner-3"])
PICKS = st.integers(0, 1_000)
KINDS = st.sampled_from(["progress", "log", "heartbeat", *sorted(ENDINGS)])
RIVALS = st.sampled_from(
    [
        "cancel",
        "cancel alone",
        "retry",
        "claim",
        "child",
        "rival",
        "complete",
        "fail",
        "progress",
        "release",
        "acknowledge_cancel",
        *TIMERS,
    ]
)

Act = Callable[[int], Awaitable[Any]]


class ServiceMachine(RuleBasedStateMachine):
    """Users create, cancel and retry; runners claim and report, late, twice and with false tokens; time passes.

    No rule has a precondition: which one is next must not depend on how the race before it went.
    """

    def __init__(self, running: Service, runner: asyncio.Runner) -> None:
        super().__init__()
        self._runner = runner
        self._is_broken = False
        self.is_paused = False
        self.limit: int | None = None
        self.keys: dict[str, dict[str, Any]] = {}
        self.world: World = self.run(World.new(running))

    def run(self, doing: Any) -> Any:
        try:
            return self._runner.run(doing)
        except BaseException:
            self._is_broken = True
            raise

    # Whom it is about

    def job(self, pick: int) -> str:
        ids = list(self.world.rows)
        return ids[pick % len(ids)]

    def is_current(self, assignment: Assignment) -> bool:
        row = self.world.rows[assignment.job.id]
        return (row["status"], row["attempt"]) == (JobStatus.RUNNING, assignment.attempt)

    def said(self, assignment: Assignment, kind: str, pick: int, seq: int | None = None) -> dict[str, Any]:
        details: dict[str, dict[str, Any]] = {
            "progress": {"progress": {"percent": pick % 101}},
            "log": {"entries": [{"time": "2026-01-01T00:00:00Z", "message": "hello"}] * (1 + pick % 3)},
            "complete": {"result": pick},
            "fail": {"error": {"code": "broken", "message": "no", "retryable": pick % 3 > 0}},
        }
        return {
            "kind": kind,
            "job_id": assignment.job.id,
            "attempt": assignment.attempt,
            "token": assignment.token,
            "seq": seq or self.world.rows[assignment.job.id]["seq"] + 1,
            **details.get(kind, {}),
        }

    def is_over(self, job_id: str) -> bool:
        return self.world.rows[job_id]["status"] in TERMINAL

    def active(self) -> list[Row]:
        return [row for row in self.world.rows.values() if row["status"] not in TERMINAL]

    # One at a time

    @initialize(attempts=st.integers(1, 3), limit=st.sampled_from([None, 1, 3]))
    def some_jobs_are_under_way(self, attempts: int, limit: int | None) -> None:
        self.limit = limit
        self.run(self.world.limit(attempts % 2, limit))
        for at, job_type in enumerate(self.world.types):
            self.run(self.world.create(at, type=job_type, max_attempts=attempts))
            self.run(self.world.create(at, type=job_type, max_attempts=attempts, unique_key="a"))
        self.run(self.world.claim(NATS, "runner-1", 3))
        parent, _ = next(iter(self.world.assignments))
        self.run(self.world.create(0, type=self.world.types[0], parent_id=parent))

    @rule(at=INSTANCES, attempts=st.integers(1, 3), how=st.sampled_from(["at once", "later", "tracked"]))
    def somebody_creates(self, at: int, attempts: int, how: str) -> None:
        if how == "tracked":
            self.run(self.world.track(f"web-{at}"))
            return
        wanted: dict[str, Any] = {"type": self.world.types[how == "later"], "max_attempts": attempts}
        assert self.run(self.world.create(at, **wanted)).status == 201

    @rule(at=INSTANCES, name=st.sampled_from(["a", "b"]))
    def somebody_creates_with_a_unique_key(self, at: int, name: str) -> None:
        of = self.world.types[0]
        active = [row["id"] for row in self.active() if (row["unique_key"], row["type"]) == (name, of)]
        answer = self.run(self.world.create(at, type=of, unique_key=name))
        assert (answer.status, [answer.body["id"]]) == (
            (200, active) if active else (201, [answer.body["id"]])
        )

    @rule(at=INSTANCES, key=st.sampled_from(["a", "b"]), priority=st.integers(4, 5))
    def somebody_creates_with_an_idempotency_key(self, at: int, key: str, priority: int) -> None:
        wanted: dict[str, Any] = {"type": self.world.types[0], "priority": priority}
        before = self.keys.setdefault(key, wanted)
        first = self.run(self.world.create(at, key=key, **before))
        again = self.run(self.world.create(1 - at, key=key, **wanted))
        assert (again.status, again.body.get("id")) == (
            (201, first.body["id"]) if wanted == before else (409, None)
        )

    @rule(at=INSTANCES, pick=PICKS)
    def somebody_creates_a_child(self, at: int, pick: int) -> None:
        parent = self.job(pick)
        is_closed = self.is_over(parent) or self.world.rows[parent]["cancel_state"] is not None
        answer = self.run(self.world.create(at, type=self.world.types[0], parent_id=parent))
        assert answer.status == (409 if is_closed else 201)

    @rule(door=DOORS, runner=RUNNERS, slots=st.integers(1, 3))
    def somebody_claims(self, door: int, runner: str, slots: int) -> None:
        ready = sum(row["status"] == JobStatus.QUEUED and row["is_ready"] for row in self.active())
        assert self.run(self.world.claim(door, runner, slots)) == min(ready, slots, self.room())

    def room(self) -> int:
        """How many jobs may begin."""
        if self.is_paused:
            return 0
        with_children = {row["parent_id"] for row in self.active()}
        running = sum(
            row["status"] == JobStatus.RUNNING and job_id not in with_children
            for job_id, row in self.world.rows.items()
        )
        return len(self.active()) if self.limit is None else max(0, self.limit - running)

    @rule(at=INSTANCES)
    def the_queue_is_paused_or_resumed(self, at: int) -> None:
        self.run(self.world.resume(at) if self.is_paused else self.world.pause(at))
        self.is_paused = not self.is_paused

    @rule(door=DOORS, pick=PICKS, kind=st.sampled_from(["progress", "progress", "log", "heartbeat"]))
    def an_owner_reports(self, door: int, pick: int, kind: str) -> None:
        if owner := self.picked(pick, running=True):
            self.somebody_reports(door, self.said(owner, kind, pick))

    @rule(door=DOORS, pick=PICKS, kind=st.sampled_from(["fail", *sorted(ENDINGS)]))
    def an_owner_ends(self, door: int, pick: int, kind: str) -> None:
        if owner := self.picked(pick, running=True):
            self.somebody_reports(door, self.said(owner, kind, pick))

    @rule(door=DOORS, pick=PICKS, kind=KINDS, wrong=st.sampled_from(["", "token", "seq", "attempt"]))
    def somebody_else_reports(self, door: int, pick: int, kind: str, wrong: str) -> None:
        former = self.picked(pick, running=bool(wrong)) or self.picked(pick, running=False)
        if former is None:
            return
        report = self.said(former, kind, pick)
        if wrong == "token":
            report["token"] = "x" * 43
        elif wrong:
            report[wrong] = max(1, report[wrong] - 1)
        self.somebody_reports(door, report)

    def picked(self, pick: int, *, running: bool) -> Assignment | None:
        """One of the attempts that were ever given out, or of those that run."""
        given = [each for each in self.world.assignments.values() if each.job.id in self.world.rows]
        attempts = [each for each in given if not running or self.is_current(each)]
        return attempts[pick % len(attempts)] if attempts else None

    def somebody_reports(self, door: int, report: dict[str, Any]) -> None:
        expected = expected_outcome(self.world.rows[report["job_id"]], report)
        assert self.run(self.world.report(door, report)) is expected
        # Sent again, for its answer may have been lost.
        again = self.run(self.world.report(NATS, report))
        if expected is Outcome.ACCEPTED:
            assert again is (Outcome.FENCED if self._was_fenced(report) else Outcome.STALE)

    def _was_fenced(self, report: dict[str, Any]) -> bool:
        self.run(self.world.observe())
        return expected_outcome(self.world.rows[report["job_id"]], report) is Outcome.FENCED

    @rule(at=INSTANCES, pick=PICKS, cascade=st.booleans())
    def somebody_cancels(self, at: int, pick: int, cascade: bool) -> None:
        job_id = self.job(pick)
        answer = self.run(self.world.cancel(at, job_id, cascade=cascade))
        assert answer.status == (409 if self.is_over(job_id) else 200)

    @rule(at=INSTANCES, pick=PICKS)
    def somebody_retries(self, at: int, pick: int) -> None:
        ended = [job_id for job_id in self.world.rows if self.is_over(job_id)]
        job_id = ended[pick // 4 % len(ended)] if ended and pick % 4 else self.job(pick)
        can_be = self.is_over(job_id) and self.world.rows[job_id]["mode"] == "queued"
        answer = self.run(self.world.retry(at, job_id))
        assert answer.status in ((200, 201) if can_be else (409,))

    @rule(pick=PICKS)
    def time_is_over(self, pick: int) -> None:
        if timers := self.timers():
            self.run(self.world.time_is_over(*timers[pick % len(timers)]))

    def timers(self) -> list[tuple[str, str]]:
        """Whose time may be over, and which."""
        found = []
        for row in self.active():
            if row["status"] == JobStatus.QUEUED:
                found += [("schedule", row["id"])] * (not row["is_ready"])
            else:
                found += [("lease", row["id"]), ("timeout", row["id"])]
                found += [("grace", row["id"])] * 2 * (row["cancel_state"] is not None)
        return found

    @rule(pick=PICKS)
    def an_ended_job_expires(self, pick: int) -> None:
        """Unless a cascade may still have to pass through it."""
        rows = self.world.rows
        ended = [job_id for job_id in rows if self.is_over(job_id) and not self.is_last_under_way(job_id)]
        if len(ended) > 1:
            job_id = ended[pick % len(ended)]
            is_kept = rows[job_id]["child_count"] > 0 and any(
                not self.is_over(above) for above in self.above(job_id)
            )
            self.run(self.world.expire(job_id))
            assert (job_id in self.world.rows) == is_kept

    def is_last_under_way(self, job_id: str) -> bool:
        """Whether its parent, still active, shows it as a child it has."""
        row = self.world.rows[job_id]
        return row["child_count"] == 0 and any(not self.is_over(above) for above in self.above(job_id))

    def above(self, job_id: str) -> list[str]:
        """The ancestors that are there."""
        found = []
        while (parent := self.world.rows[job_id]["parent_id"]) in self.world.rows:
            found.append(parent)
            job_id = parent
        return found

    @rule(at=INSTANCES, luck=st.integers(0, 3))
    def an_instance_is_restarted(self, at: int, luck: int) -> None:
        if luck == 0:
            self.run(self.world.service.restart(at))

    # Two at once

    def rival(self, what: str, job_id: str, pick: int) -> Act:
        """What somebody does about a job at one instance, while somebody else does something at the other."""
        world = self.world
        match what:
            case "cancel" | "cancel alone":
                return lambda at: world.cancel(at, job_id, cascade=what == "cancel")
            case "retry":
                return lambda at: world.retry(at, job_id)
            case "claim":
                return lambda at: world.claim(at, f"runner-{pick % 3}", 1 + pick % 3)
            case "child":
                return lambda at: world.create(at, type=world.types[0], parent_id=job_id)
            case "rival":
                return lambda at: world.create(at, type=world.types[0], unique_key="c", key="rival")
            case "lease" | "timeout" | "grace" | "schedule":
                return lambda at: world.time_is_over(what, job_id, at=(at,))
        given = [each for (given_id, _), each in world.assignments.items() if given_id == job_id]
        if not given:
            return lambda at: world.claim(at, "runner-1", 1)
        report = self.said(given[-1], what, pick, world.rows[job_id]["seq"] + 1 + pick % 2)
        return lambda at: world.report(at, report)

    @rule(pick=PICKS, first=RIVALS, second=RIVALS, picks=st.tuples(PICKS, PICKS))
    def two_at_once(self, pick: int, first: str, second: str, picks: tuple[int, int]) -> None:
        self.compete(self.job(pick), (first, second), picks)

    @rule(pick=PICKS, first=RIVALS, second=RIVALS, picks=st.tuples(PICKS, PICKS))
    def two_at_once_while_it_runs(self, pick: int, first: str, second: str, picks: tuple[int, int]) -> None:
        if owner := self.picked(pick, running=True):
            self.compete(owner.job.id, (first, second), picks)

    def compete(self, job_id: str, rivals: tuple[str, str], picks: tuple[int, int]) -> None:
        acts = [self.rival(what, job_id, pick) for what, pick in zip(rivals, picks, strict=True)]
        answers = self.run(_at_once(acts))
        if rivals in (("retry", "retry"), ("rival", "rival")) and {each.status for each in answers} <= {
            200,
            201,
        }:
            assert answers[0].body["id"] == answers[1].body["id"]
        if set(rivals) <= ENDINGS:
            assert answers.count(Outcome.ACCEPTED) <= 1

    # What holds

    @invariant()
    def rows_and_events_agree(self) -> None:
        self.run(self.world.observe())

    @invariant()
    def no_more_are_claimed_than_may_run(self) -> None:
        """A parent left its place to its children, so it may run beside one that took it."""
        claimed = [
            row
            for row in self.active()
            if (row["status"], row["mode"]) == ("running", "queued") and not row["child_count"]
        ]
        assert self.limit is None or len(claimed) <= self.limit

    def teardown(self) -> None:
        if self._is_broken:
            return
        self.run(self.world.rolled_up())
        self.run(self.world.check_children())


async def _at_once(acts: list[Act]) -> list[Any]:
    return await asyncio.gather(*(act(at) for at, act in enumerate(acts)))


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_the_promises_hold_whatever_happens(
    jobs_database: str, nats_url: str, runner: asyncio.Runner
) -> None:
    running = service(jobs_database, nats_url)
    started = runner.run(running.__aenter__())

    class Machine(ServiceMachine):
        def __init__(self) -> None:
            super().__init__(started, runner)

    try:
        run_state_machine_as_test(Machine, settings=SETTINGS)
    finally:
        print("\n".join(f"{number:6} {what}" for what, number in sorted(started.tally.items())))
        runner.run(running.__aexit__(None, None, None))
