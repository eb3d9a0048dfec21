"""What happens while PostgreSQL or NATS is away, and when an instance dies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp.test_utils import TestClient, TestServer
from tests.conftest import PostgresForTests
from tests.eventually import eventually
from tests.jobs.api import SCOPE, TYPE, Api, RunnerForTests, settings_for
from tests.jobs.conftest import Connection, EventLog, StartInstance

from wayside_events.bus import Bus, RequestRefused
from wayside_events.contracts.jobs import Outcome
from wayside_events.jobs import JobStatus
from wayside_jobs.app import build
from wayside_standalone.nats import NatsServer

# Reports wait for no row that somebody else has locked, so their transaction is held in the middle by other means.
WAIT_AT_UPDATES = """
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
    CREATE TRIGGER wait BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION wait();
"""


async def readiness(api: Api) -> dict[str, str]:
    async with api.client.get("/readyz") as response:
        checks: dict[str, str] = (await response.json())["checks"]
    return checks


async def is_ready(api: Api) -> bool:
    return set((await readiness(api)).values()) == {"ok"}


@asynccontextmanager
async def instance(dsn: str, nats_url: str) -> AsyncIterator[Api]:
    """An instance that need not be ready."""
    async with TestClient(TestServer(build(settings_for(dsn, nats_url)))) as client:
        yield Api(client)


async def test_a_service_that_lost_postgres_says_so_and_recovers(
    own_postgres_server: PostgresForTests, nats_url: str, bus: Bus, log: EventLog
) -> None:
    dsn = own_postgres_server.create_database("jobs")
    async with instance(dsn, nats_url) as api:
        assert await eventually(lambda: is_ready(api))
        runner = RunnerForTests(bus)
        await runner.register()
        job = await api.create()
        assignment = await runner.claim_one()
        await asyncio.to_thread(own_postgres_server.stop)
        refused = await api.post("/v1/jobs", {"type": TYPE, "scope": SCOPE})
        assert (refused.status, refused.body["code"]) == (503, "database_unavailable")
        assert "Retry-After" in refused.headers
        assert (await readiness(api))["postgres"] != "ok"
        for attempt in (runner.claim(1, wait_ms=100), runner.report(assignment, "heartbeat")):
            with pytest.raises(RequestRefused) as over_nats:
                await attempt
            assert over_nats.value.problem.status == 503
        await asyncio.to_thread(own_postgres_server.start)
        assert await eventually(lambda: is_ready(api), within_seconds=20)
        assert (await runner.report(assignment, "complete", result=1)).outcome is Outcome.ACCEPTED
        assert await log.has(job.id, "queued", "started", "completed")


async def test_a_service_starts_without_postgres_and_is_ready_later(
    own_postgres_server: PostgresForTests, nats_url: str
) -> None:
    dsn = own_postgres_server.create_database("jobs")
    own_postgres_server.stop()
    async with instance(dsn, nats_url) as api:
        assert (await api.get("/v1/jobs")).status == 503
        await asyncio.to_thread(own_postgres_server.start)
        assert await eventually(lambda: is_ready(api), within_seconds=20)
        assert (await api.get("/v1/jobs")).status == 200


async def test_jobs_are_created_without_nats_and_their_events_follow(
    api: Api, runner: RunnerForTests, nats_server: NatsServer, log: EventLog
) -> None:
    await asyncio.to_thread(nats_server.stop)
    assert await eventually(lambda: _names_nats(api))
    job = await api.create()
    assert (await api.cancel(job.id)).status == 200
    await asyncio.to_thread(nats_server.start)
    assert await eventually(lambda: is_ready(api), within_seconds=20)
    assert await log.has(job.id, "queued", "canceled")


async def _names_nats(api: Api) -> bool:
    return (await readiness(api))["nats"] != "ok"


async def test_a_runner_outlives_a_restart_of_nats(
    api: Api, runner: RunnerForTests, nats_server: NatsServer, bus: Bus
) -> None:
    await api.create()
    assignment = await runner.claim_one()
    await asyncio.to_thread(nats_server.restart)
    assert await eventually(lambda: bus.is_connected and is_ready(api), within_seconds=20)
    assert (await runner.report(assignment, "complete", result=1)).outcome is Outcome.ACCEPTED


async def test_claims_from_before_nats_was_away_are_given_nothing(
    api: Api, runner: RunnerForTests, nats_server: NatsServer, bus: Bus
) -> None:
    before = asyncio.create_task(runner.claim(1, wait_ms=30_000))
    await asyncio.sleep(0.2)
    await asyncio.to_thread(nats_server.restart)
    assert await eventually(lambda: bus.is_connected and is_ready(api), within_seconds=20)
    job = await api.create()
    # Its answer may have come while the runner was not there to take it, so the old claim may wait in vain.
    assert (await runner.claim_one()).job.id == job.id
    assert not before.done() or before.result() == ()
    before.cancel()


async def test_what_a_dead_instance_committed_is_published_by_the_next(
    jobs_database: str, nats_server: NatsServer, bus: Bus, log: EventLog
) -> None:
    async with instance(jobs_database, nats_server.url) as api:
        assert await eventually(lambda: is_ready(api))
        await RunnerForTests(bus).register()
        await asyncio.to_thread(nats_server.stop)
        job = await api.create()
    await asyncio.to_thread(nats_server.start)
    assert await eventually(lambda: bus.is_connected, within_seconds=20)
    async with instance(jobs_database, nats_server.url):
        assert await log.has(job.id, "queued")


async def test_an_instance_that_ends_answers_the_claims_that_wait_there(
    jobs_database: str, nats_url: str, bus: Bus
) -> None:
    runner = RunnerForTests(bus)
    async with instance(jobs_database, nats_url) as api:
        assert await eventually(lambda: is_ready(api))
        await runner.register()
        claim = asyncio.create_task(runner.claim(1, wait_ms=30_000))
        await asyncio.sleep(0.2)
    assert await asyncio.wait_for(claim, 2) == ()


async def test_an_answer_that_was_lost_at_the_commit_is_made_good_by_sending_again(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    api = await start_instance()
    runner = RunnerForTests(bus)
    await runner.register()
    job = await api.create()
    said = runner.said(await runner.claim_one(), "complete", result=1)
    await connection.execute(WAIT_AT_UPDATES)
    await connection.execute("SELECT pg_advisory_lock(1)")
    sending = asyncio.create_task(runner.send(said))
    assert await eventually(lambda: _is_blocked(connection))
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wayside-jobs' "
        "AND wait_event_type = 'Lock'"
    )
    with pytest.raises(RequestRefused) as refused:
        await sending
    assert refused.value.problem.status == 503
    await connection.execute("SELECT pg_advisory_unlock(1)")
    [again] = await runner.send(said)
    assert (again.outcome, (await api.job(job.id)).status) == (Outcome.ACCEPTED, JobStatus.COMPLETED)


async def _is_blocked(connection: Connection) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'wayside-jobs' "
            "AND wait_event_type = 'Lock'"
        )
    )
