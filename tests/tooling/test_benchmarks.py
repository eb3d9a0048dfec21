"""The benchmark of jobs tells when an event is missing, doubled, out of order or untrue; a tiny run verifies."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks.command import summary
from benchmarks.jobs.progress import progress_faults
from benchmarks.jobs.verify import TYPES, Received, Row, lifecycle_faults
from benchmarks.outcome import Outcome

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
JOBS = ("job-a", "job-b")
STATUSES = ("queued", "running", "completed")


def row(job_id: str) -> Row:
    times = [NOON + timedelta(seconds=second) for second in range(3)]
    return Row(job_id, "bench", "bench.noop", "completed", 3, 1, times[0], times[1], times[2])


def received(job_id: str, revision: int, sequence: int) -> Received:
    event_type = TYPES[revision - 1]
    event = {
        "id": f"{job_id}:{revision}",
        "type": event_type,
        "revision": revision,
        "time": (NOON + timedelta(seconds=revision - 1)).isoformat(),
        "data": {
            "job_id": job_id,
            "job_type": "bench.noop",
            "attempt": 0 if revision == 1 else 1,
            "status": STATUSES[revision - 1],
        },
    }
    return Received(sequence, sequence, f"{event_type}.bench.{job_id}", f"{job_id}:{revision}", event)


@pytest.fixture
def rows() -> dict[str, Row]:
    return {job_id: row(job_id) for job_id in JOBS}


@pytest.fixture
def events() -> list[Received]:
    """Both jobs go through at the same time."""
    order = [(job_id, revision) for revision in (1, 2, 3) for job_id in JOBS]
    return [received(job_id, revision, at) for at, (job_id, revision) in enumerate(order, start=1)]


def test_events_that_all_arrived_once_and_in_order_have_no_fault(
    events: list[Received], rows: dict[str, Row]
) -> None:
    assert lifecycle_faults(events, rows) == []


@pytest.mark.parametrize("position", range(6))
def test_a_missing_event_is_a_fault(events: list[Received], rows: dict[str, Row], position: int) -> None:
    assert lifecycle_faults(events[:position] + events[position + 1 :], rows)


@pytest.mark.parametrize("position", range(6))
def test_a_doubled_event_is_a_fault(events: list[Received], rows: dict[str, Row], position: int) -> None:
    assert lifecycle_faults([*events, events[position]], rows)
    again = replace(events[position], sequence=7)
    assert lifecycle_faults([*events, again], rows)


def test_two_events_of_a_job_in_the_wrong_order_are_a_fault(
    events: list[Received], rows: dict[str, Row]
) -> None:
    events[0], events[2] = replace(events[2], sequence=1), replace(events[0], sequence=3)
    assert any("started" in fault for fault in lifecycle_faults(events, rows))


def test_an_event_that_overtook_another_in_the_stream_is_a_fault(
    events: list[Received], rows: dict[str, Row]
) -> None:
    events[0], events[1] = events[1], events[0]
    assert lifecycle_faults(events, rows) == ["job-a: stream sequence 1 arrived after 2"]


def test_a_job_without_events_and_events_without_a_job_are_faults(
    events: list[Received], rows: dict[str, Row]
) -> None:
    rows["job-c"] = rows.pop("job-b")
    faults = lifecycle_faults(events, rows)
    assert "job-b: no such row" in faults
    assert any(fault.startswith("job-c") for fault in faults)


def _claims_another_result(event: dict[str, Any]) -> None:
    event["data"]["result"] = 1


def _claims_another_time(event: dict[str, Any]) -> None:
    event["time"] = NOON.isoformat()


def _claims_another_attempt(event: dict[str, Any]) -> None:
    event["data"]["attempt"] = 2


def _claims_another_id(event: dict[str, Any]) -> None:
    event["id"] = "job-b:4"


@pytest.mark.parametrize(
    "claim", [_claims_another_result, _claims_another_time, _claims_another_attempt, _claims_another_id]
)
def test_an_event_that_differs_from_the_row_is_a_fault(
    events: list[Received], rows: dict[str, Row], claim: Callable[[dict[str, Any]], None]
) -> None:
    claim(events[-1].event)
    assert lifecycle_faults(events, rows)


def test_a_row_that_did_not_complete_is_a_fault(events: list[Received], rows: dict[str, Row]) -> None:
    rows["job-a"] = replace(rows["job-a"], status="running", revision=2)
    assert lifecycle_faults(events, rows)


@pytest.mark.parametrize(
    "calls",
    [[(1, 1), (2, 2)], [(1, 1), (3, 3), (2, 2)], [(1, 1), (3, 3), (3, 3)], []],
    ids=["the last is missing", "goes back", "repeated", "none"],
)
def test_progress_that_is_not_the_calls_in_order_is_a_fault(calls: list[tuple[int, int]]) -> None:
    covering = {"job-a": [(at, call) for at, call in enumerate(calls)]}
    assert list(progress_faults(covering, {"job-a": (3, 3)}))


def test_one_fault_in_any_part_leaves_the_run_unverified() -> None:
    sound, faulty = Outcome({"jobs_per_s": 1.0}), Outcome({}, faults=["an event is missing"])
    assert summary(("jobs_per_s",), {"throughput": sound})["verified"] is True
    assert summary(("jobs_per_s",), {"throughput": sound, "memory": faulty})["verified"] is False


@pytest.mark.long
def test_a_tiny_run_delivers_every_event() -> None:
    command = [sys.executable, "-m", "benchmarks.jobs", "--quick", "--only", "throughput", "--scale", "0.01"]
    answer = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, check=False)
    line = orjson.loads(answer.stdout.splitlines()[-1])
    assert (answer.returncode, line["verified"]) == (0, True), answer.stdout + answer.stderr
    assert line["jobs_per_s"] > 0
