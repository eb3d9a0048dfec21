from datetime import UTC, datetime

from cwe_links.demo.ledger import Ledger
from wayside_events.catalogue import AnyEvent
from wayside_events.identifiers import ScopeName, new_id
from wayside_events.jobs import (
    JobCompleted,
    JobCompletedData,
    JobMode,
    JobProgressData,
    JobProgressed,
    JobStarted,
    JobStartedData,
    Progress,
)

JOB = new_id()
NOW = datetime(2024, 5, 1, tzinfo=UTC)
DEMO = ScopeName("demo")


def started(revision: int) -> AnyEvent:
    data = JobStartedData(
        job_id=JOB, job_type="cwe_links", attempt=1, queue="default", mode=JobMode.QUEUED, runner="worker"
    )
    return JobStarted.of(data, scope=DEMO, revision=revision, time=NOW)


def progressed(revision: int) -> AnyEvent:
    data = JobProgressData(job_id=JOB, job_type="cwe_links", attempt=1, progress=Progress(percent=revision))
    return JobProgressed.of(data, scope=DEMO, revision=revision, time=NOW)


def completed(revision: int) -> AnyEvent:
    data = JobCompletedData(
        job_id=JOB, job_type="cwe_links", attempt=1, queue="default", mode=JobMode.QUEUED, duration_seconds=1
    )
    return JobCompleted.of(data, scope=DEMO, revision=revision, time=NOW)


def ledger_of(*events: AnyEvent) -> Ledger:
    ledger = Ledger()
    for event in events:
        ledger.take(event)
    return ledger


def test_revisions_in_order_are_without_flaw_and_counted() -> None:
    ledger = ledger_of(started(2), progressed(3), completed(4))
    assert ledger.flaws == []
    assert (ledger.events_seen, ledger.revisions[JOB]) == (3, 4)


def test_progress_may_skip_what_it_supersedes() -> None:
    assert ledger_of(started(2), progressed(7), completed(8)).flaws == []


def test_a_revision_missing_before_anything_but_progress_is_a_flaw() -> None:
    (flaw,) = ledger_of(started(2), completed(4)).flaws
    assert "straight after revision 2" in flaw


def test_an_event_that_comes_twice_is_a_flaw() -> None:
    (flaw,) = ledger_of(started(2), progressed(3), progressed(3), completed(4)).flaws
    assert "came twice" in flaw


def test_an_event_that_comes_late_is_a_flaw() -> None:
    (flaw,) = ledger_of(started(2), progressed(4), progressed(3), completed(5)).flaws
    assert "came after revision 4" in flaw
