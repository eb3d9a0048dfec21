"""A job from its creation to its end, over HTTP and NATS, and the events of it."""

from tests.jobs.api import Api, RunnerForTests
from tests.jobs.conftest import EventLog

from wayside_events.contracts.jobs import Outcome
from wayside_events.jobs import JobStatus


async def test_a_job_is_created_claimed_and_completed_and_each_step_is_an_event(
    api: Api, runner: RunnerForTests, log: EventLog
) -> None:
    job = await api.create(input={"a": 1, "b": 2})
    assignment = await runner.claim_one()
    assert assignment.job.input == {"a": 1, "b": 2}
    outcomes = await runner.send(
        runner.said(assignment, "progress", progress={"percent": 40, "phase": "add"}),
        runner.said(assignment, "complete", result={"sum": 3}),
    )
    assert [outcome.outcome for outcome in outcomes] == [Outcome.ACCEPTED, Outcome.ACCEPTED]
    done = await api.job(job.id)
    assert (done.status, done.result, done.progress.percent) == (JobStatus.COMPLETED, {"sum": 3}, 100)
    assert await log.has(job.id, "queued", "started", "progress", "completed")
    assert [event.revision for event in log.of(job.id)] == [1, 2, 3, 4]
