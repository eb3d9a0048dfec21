"""What becomes due by time alone: lost leases, time-outs, expiry, and sweepers that do not collide."""

from datetime import timedelta

from tests.eventually import eventually
from tests.jobs.api import Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, EventLog, StartInstance

from wayside_events.bus import Bus
from wayside_events.contracts.jobs import Outcome
from wayside_events.jobs import JobFailed, JobQueued, JobStatus


async def test_a_lost_job_is_queued_again_and_its_second_attempt_completes(
    api: Api, runner: RunnerForTests, log: EventLog, connection: Connection
) -> None:
    job = await api.create()
    await runner.claim_one()
    await connection.execute("UPDATE jobs SET lease_expires_at = now(), due_at = now()")
    second = await RunnerForTests(runner.bus, "runner-2").claim_one(wait_ms=10_000)
    await RunnerForTests(runner.bus, "runner-2").report(second, "complete", result=2)
    assert await log.has(job.id, "queued", "started", "queued", "started", "completed")
    again = log.of(job.id)[2]
    assert isinstance(again, JobQueued)
    assert (again.data.reason, again.data.error and again.data.error.code) == ("lost", "lost")


async def test_a_job_that_is_lost_too_often_fails(
    api: Api, runner: RunnerForTests, connection: Connection, log: EventLog
) -> None:
    job = await api.create(max_attempts=1)
    await runner.claim_one()
    await connection.execute("UPDATE jobs SET lease_expires_at = now(), due_at = now()")
    assert await log.has(job.id, "queued", "started", "failed")
    failed = log.of(job.id)[-1]
    assert isinstance(failed, JobFailed)
    assert failed.data.error.code == "lost"


async def test_an_attempt_that_takes_too_long_is_ended_although_it_reports(
    api: Api, runner: RunnerForTests, log: EventLog
) -> None:
    await runner.register(spec(timeout_seconds=0.2))
    job = await api.create(max_attempts=1)
    assignment = await runner.claim_one()
    await runner.report(assignment, "heartbeat")
    assert await log.has(job.id, "queued", "started", "failed")
    assert (await runner.report(assignment, "complete")).outcome is Outcome.FENCED
    ended = await api.job(job.id)
    assert ended.error is not None
    assert (ended.status, ended.error.code) == (JobStatus.FAILED, "timeout")


async def test_a_failed_attempt_waits_for_its_backoff(api: Api, runner: RunnerForTests) -> None:
    await runner.register(spec(backoff={"initial_seconds": 0.4, "jitter": 0}))
    job = await api.create()
    await runner.report(await runner.claim_one(), "fail", error={"code": "c", "message": "m"})
    assert await runner.claim(1) == ()
    waiting = await api.job(job.id)
    again = await runner.claim_one(wait_ms=10_000)
    assert waiting.run_at is not None
    assert waiting.run_at - waiting.updated_at == timedelta(seconds=0.4)
    assert again.attempt == 2


async def test_a_finished_job_is_deleted_with_its_log_when_its_time_is_over(
    api: Api, runner: RunnerForTests, log: EventLog, connection: Connection
) -> None:
    job = await api.create(ttl_seconds=3600)
    assignment = await runner.claim_one()
    line = {"time": "2026-01-01T00:00:00Z", "message": "hello"}
    await runner.send(
        runner.said(assignment, "log", entries=[line]), runner.said(assignment, "complete", result=1)
    )
    await connection.execute("UPDATE jobs SET expires_at = now()")
    assert await log.has(job.id, "queued", "started", "log", "completed", "expired")
    assert (await api.get(f"/v1/jobs/{job.id}")).status == 404
    assert await connection.fetchval("SELECT count(*) FROM job_logs") == 0


async def test_two_sweepers_end_each_attempt_once(
    start_instance: StartInstance, bus: Bus, connection: Connection, log: EventLog
) -> None:
    api, _ = [await start_instance() for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register(spec(max_attempts=1))
    jobs = [await api.create() for _ in range(30)]
    await runner.claim(30)
    await connection.execute("UPDATE jobs SET lease_expires_at = now(), due_at = now()")

    async def all_failed() -> bool:
        failed: int = await connection.fetchval("SELECT count(*) FROM jobs WHERE status = 'failed'")
        return failed == len(jobs)

    assert await eventually(all_failed)
    for job in jobs:
        assert await log.has(job.id, "queued", "started", "failed")
