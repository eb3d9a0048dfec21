"""What the events and the row of a job have to be, whatever happened; pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

import orjson

from wayside_events.catalogue import TERMINAL_TYPES
from wayside_events.contracts.jobs import Outcome
from wayside_events.jobs import (
    JobCanceled,
    JobCancelRequested,
    JobCompleted,
    JobExpired,
    JobFailed,
    JobLogged,
    JobProgressed,
    JobQueued,
    JobStarted,
    JobStatus,
    QueuedReason,
)
from wayside_jobs.domain.job import hash_token
from wayside_jobs.domain.states import TERMINAL, TRANSITIONS, Verb

Row = Mapping[str, Any]
"""A row of `jobs`, by column."""

Event = (
    JobQueued
    | JobStarted
    | JobProgressed
    | JobLogged
    | JobCancelRequested
    | JobCompleted
    | JobFailed
    | JobCanceled
)

ENDINGS = frozenset({"complete", "fail", "release", "acknowledge_cancel"})
"""Reports after which the attempt is over."""

_REQUEUES = {
    QueuedReason.FAILED: Verb.FAIL,
    QueuedReason.LOST: Verb.LOSE,
    QueuedReason.TIMEOUT: Verb.TIME_OUT,
    QueuedReason.RELEASED: Verb.RELEASE,
}
_FAILURES = {"lost": Verb.LOSE, "timeout": Verb.TIME_OUT, "released": Verb.RELEASE}


@dataclass
class History:
    """The events of one job as they arrive on the stream; `see` refuses what may not follow."""

    events: list[Event | JobExpired] = field(default_factory=list)
    status: JobStatus | None = None
    attempt: int = 0
    percent: float | None = None
    log_seq: int = 0
    runners: dict[int, str] = field(default_factory=dict)
    ends: dict[int, Event] = field(default_factory=dict)
    cancel_requested: bool = False
    is_expired: bool = False

    @property
    def revision(self) -> int:
        return self.events[-1].revision if self.events else 0

    @property
    def last(self) -> Event | JobExpired:
        return self.events[-1]

    def see(self, event: Event | JobExpired) -> None:
        """Take the next event of the stream."""
        said = f"{event.type} {event.id} after {[(each.type, each.revision) for each in self.events]}"
        assert event.id == f"{event.subject}:{event.revision}", said
        assert not self.is_expired, said
        assert (self.status in TERMINAL) == isinstance(event, JobExpired), said
        assert event.revision > self.revision, said
        is_whole = event.revision == self.revision + 1
        assert is_whole or isinstance(event, JobProgressed), f"only superseded progress is left out: {said}"
        assert not self.events or event.time >= self.last.time, said
        if isinstance(event, JobExpired):
            self.is_expired = True
        else:
            self._move(event, said)
        self.events.append(event)

    def _move(self, event: Event, said: str) -> None:
        target = self._target(event)
        if self.status is None:
            assert isinstance(event, JobQueued | JobStarted), said
        else:
            assert target in TRANSITIONS.get((self.status, self._verb(event)), ()), said
        if self.status is JobStatus.RUNNING and target is not JobStatus.RUNNING:
            self.ends[self.attempt] = event
        self.status = target
        self._follow(event, said)

    def _target(self, event: Event) -> JobStatus:
        status: JobStatus = getattr(event.data, "status", JobStatus.RUNNING)
        return status

    def _verb(self, event: Event) -> Verb:
        match event:
            case JobQueued(data=data):
                return _REQUEUES[data.reason]
            case JobStarted():
                return Verb.CLAIM
            case JobProgressed():
                return Verb.PROGRESS
            case JobLogged():
                return Verb.LOG
            case JobCancelRequested():
                return Verb.REQUEST_CANCEL
            case JobCompleted():
                return Verb.COMPLETE
            case JobFailed(data=data):
                return _FAILURES.get(data.error.code, Verb.FAIL)
            case JobCanceled(data=data):
                if self.status is JobStatus.QUEUED:
                    return Verb.REQUEST_CANCEL
                return Verb.FORCE_CANCEL if data.forced else Verb.ACKNOWLEDGE_CANCEL
            case _:
                assert_never(event)

    def _follow(self, event: Event, said: str) -> None:
        match event:
            case JobStarted(data=data):
                assert data.attempt == self.attempt + 1, said
                assert data.attempt not in self.runners, said
                self.attempt, self.percent = data.attempt, None
                self.runners[data.attempt] = data.runner
                return
            case JobProgressed(data=data):
                shown = data.progress.percent
                assert shown is None or shown <= 99, said
                assert (shown or 0) >= (self.percent or 0), said
                self.percent = shown
            case JobLogged(data=data):
                numbers = [entry.seq for entry in data.entries]
                assert numbers == list(range(self.log_seq + 1, self.log_seq + 1 + len(numbers))), said
                self.log_seq += len(numbers)
            case JobCancelRequested():
                assert not self.cancel_requested, said
                self.cancel_requested = True
            case _:
                pass
        assert event.data.attempt == self.attempt, said


def check_equal(history: History, row: Row) -> None:
    """The row is what the events told, and the last of them is the one that ended it, if it has ended."""
    said = f"{dict(row)} after {[(each.type, each.revision) for each in history.events]}"
    assert (history.status, history.attempt) == (row["status"], row["attempt"]), said
    assert history.log_seq == row["log_seq"], said
    assert row["attempt"] <= row["max_attempts"], said
    assert (row["cancel_state"] is not None) >= history.cancel_requested, said
    if row["status"] == JobStatus.RUNNING:
        assert row["runner"] == history.runners[history.attempt], said
        assert (row["cancel_state"] is not None) == history.cancel_requested, said
        assert orjson.loads(row["progress"]).get("percent") == history.percent, said
    ends = [event for event in history.events if event.type in TERMINAL_TYPES]
    assert len(ends) == (row["status"] in TERMINAL), said
    if ends:
        _check_end(history.last, row, said)


def _check_end(event: Event | JobExpired, row: Row, said: str) -> None:
    match event:
        case JobCompleted(data=data):
            assert data.result == orjson.loads(row["result"]), said
            assert orjson.loads(row["progress"])["percent"] == 100, said
        case JobFailed(data=data):
            assert data.error.model_dump(exclude_none=True) == orjson.loads(row["error"]), said
        case JobCanceled(data=data):
            assert data.requested_by == row["cancel_requested_by"], said
            assert data.forced == (row["cancel_state"] == "forced"), said
        case _:
            raise AssertionError(said)


def check_family(rows: Mapping[str, Row], cascaded: Collection[str]) -> None:
    """Parents know how many children they have, keys and retries are one at a time, cancels reached the leaves."""
    children: dict[str, int] = {}
    active: set[tuple[str, ...]] = set()
    for row in rows.values():
        if parent := row["parent_id"]:
            children[parent] = children.get(parent, 0) + 1
            assert row["root_id"] == (rows[parent]["root_id"] or parent)
        if row["status"] not in TERMINAL:
            for name in ("unique_key", "retry_of"):
                identity = (name, row["type"] if name == "unique_key" else "", row[name])
                assert row[name] is None or identity not in active, f"two active ones of {identity}"
                active.add(identity)
            asked = row["cancel_state"] is not None
            assert asked or not _has_canceled_ancestor(row, rows, cascaded), f"never asked: {dict(row)}"
    for job_id, row in rows.items():
        assert row["child_count"] == children.get(job_id, 0), dict(row)


def _has_canceled_ancestor(row: Row, rows: Mapping[str, Row], cascaded: Collection[str]) -> bool:
    parent = row["parent_id"]
    while parent is not None:
        if parent in cascaded:
            return True
        parent = rows[parent]["parent_id"]
    return False


def expected_outcome(row: Row, report: Mapping[str, Any]) -> Outcome:
    """What becomes of one report while nothing else happens."""
    is_owner = row["attempt"] == report["attempt"] and row["token_hash"] == hash_token(report["token"])
    if not is_owner:
        return Outcome.FENCED
    if report["seq"] <= row["seq"]:
        return Outcome.STALE
    if row["status"] != JobStatus.RUNNING:
        return Outcome.FENCED
    if report["kind"] == "acknowledge_cancel" and row["cancel_state"] is None:
        return Outcome.INVALID
    return Outcome.ACCEPTED


def check_accepted(report: Mapping[str, Any], history: History) -> None:
    """An accepted ending is what ended its attempt: nothing else did."""
    end = history.ends.get(report["attempt"])
    said = f"{report} was accepted, and the attempt's end is {end}"
    match report["kind"], end:
        case "complete", JobCompleted(data=data):
            assert data.result == report["result"], said
        case "fail", JobFailed(data=data):
            assert data.error.code == report["error"]["code"], said
        case "fail", JobQueued(data=data):
            assert data.reason is QueuedReason.FAILED, said
        case "release", JobQueued(data=data):
            assert data.reason is QueuedReason.RELEASED, said
        case "release", JobFailed(data=data):
            assert data.error.code == "released", said
        case "fail" | "release" | "acknowledge_cancel", JobCanceled(data=data):
            assert not data.forced, said
        case _:
            raise AssertionError(said)
