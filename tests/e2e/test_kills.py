"""kill -9 of a worker, of the jobs service and of a gateway: nothing is lost, nothing happens twice."""

import asyncio
from typing import Any

import aiohttp
import pytest
from tests.e2e.cluster import Cluster
from tests.e2e.talk import Api, until
from tests.instances import connected

from wayside_events.bus import Bus, BusSettings
from wayside_events.catalogue import TERMINAL_TYPES, AnyEvent, parse_event
from wayside_events.contracts.jobs import (
    CLAIM_SUBJECT,
    REGISTER_SUBJECT,
    REPORT_SUBJECT,
    Backoff,
    ClaimReply,
    ClaimRequest,
    CompleteReport,
    JobTypeSpec,
    Outcome,
    RegisterReply,
    RegisterRequest,
    ReportReply,
    ReportRequest,
)
from wayside_events.jobs import JobQueued
from wayside_events.subjects import EventFilter

pytestmark = pytest.mark.timeout(120)


def bus_of(cluster: Cluster, user: str) -> Any:
    password = cluster.credentials.nats_passwords[user]
    return Bus.connected(BusSettings(cluster.nats.url, user, password, name="test"))


async def stored_events(cluster: Cluster, entity_id: str) -> list[AnyEvent]:
    async with bus_of(cluster, "client") as bus:
        state = await bus.state()
        batches = bus.replay(EventFilter(entity_id=entity_id), after=0, upto=state.last_sequence)
        return [parse_event(message.payload) async for batch in batches for message in batch]


def check_history(events: list[AnyEvent], job: Any) -> None:
    """Revisions rise without a repeat, one terminal event ends them, and the last event is the row."""
    revisions = [event.revision for event in events]
    assert revisions == sorted(set(revisions))
    assert [event.type in TERMINAL_TYPES for event in events].count(True) == 1
    assert events[-1].type == f"analysis.job.{job['status']}"
    assert events[-1].revision == job["revision"]


async def test_a_job_whose_worker_was_killed_is_done_by_another(single: Cluster) -> None:
    async with aiohttp.ClientSession() as session:
        api = Api(session, single.gateway[0].url, single.token())
        first, second = single.worker("tests.e2e.worker"), single.worker("tests.e2e.worker")
        first.start()
        job = await api.start_job("stuck_once")
        await until(lambda: _in_the_middle(api, job["id"]))
        first.kill()
        second.start()
        done = await api.finished(job["id"])
        second.stop()
    assert done["status"] == "completed"
    events = await stored_events(single, job["id"])
    check_history(events, done)
    reasons = [event.data.reason for event in events if isinstance(event, JobQueued)]
    # The claim that the dead worker had parked may be answered first; that attempt is given back at once.
    assert reasons[:2] == ["created", "lost"]
    assert set(reasons[2:]) <= {"released"}


async def _in_the_middle(api: Api, job_id: str) -> bool:
    job = await api.get(f"/v1/jobs/{job_id}")
    return bool(job["progress"].get("percent") == 50)


async def test_reports_of_a_lost_attempt_are_fenced(single: Cluster) -> None:
    spec = JobTypeSpec(name="by_hand", lease_seconds=1, backoff=Backoff(initial_seconds=0.1))
    async with aiohttp.ClientSession() as session, bus_of(single, "runner") as bus:
        api = Api(session, single.gateway[0].url, single.token())
        await bus.request(REGISTER_SUBJECT, RegisterRequest(runner="old", job_types=(spec,)), RegisterReply)
        job = await api.start_job("by_hand")
        old = (await _claim(bus, "old")).assignments[0]

        async def requeued_and_claimed() -> Any:
            return (await _claim(bus, "new")).assignments

        new = (await until(requeued_and_claimed))[0]
        assert (old.attempt, new.attempt) == (1, 2)
        assert await _complete(bus, "old", job["id"], old.attempt, old.token) == Outcome.FENCED
        assert await _complete(bus, "old", job["id"], new.attempt, old.token) == Outcome.FENCED
        assert await _complete(bus, "new", job["id"], new.attempt, new.token) == Outcome.ACCEPTED
        done = await api.finished(job["id"])
    assert done["result"] == {"by": "new"}


async def _claim(bus: Bus, runner: str, wait_ms: int = 2_000) -> ClaimReply:
    request = ClaimRequest(
        runner=runner, queues=("default",), job_types=("by_hand",), slots=1, wait_ms=wait_ms
    )
    return await bus.request(CLAIM_SUBJECT, request, ClaimReply, timeout_seconds=wait_ms / 1_000 + 2)


async def _complete(bus: Bus, runner: str, job_id: Any, attempt: int, token: str) -> Outcome:
    report = CompleteReport(job_id=job_id, attempt=attempt, token=token, seq=1, result={"by": runner})
    request = ReportRequest(runner=runner, reports=(report.model_dump(mode="json"),))
    return (await bus.request(REPORT_SUBJECT, request, ReportReply)).outcomes[0].outcome


async def test_an_event_committed_by_a_killed_service_arrives_once(single: Cluster) -> None:
    jobs = single.jobs[0]
    async with aiohttp.ClientSession() as session:
        api = Api(session, single.gateway[0].url, single.token())
        worker = single.worker("tests.e2e.worker")
        worker.start()
        await api.finished((await api.start_job("steps", steps=1))["id"])
        worker.kill()
        # With NATS away the service can commit, but not publish.
        await asyncio.to_thread(single.nats.stop)
        job = await Api(session, jobs.url, single.token()).start_job("steps", steps=1)
        jobs.kill()
        await asyncio.to_thread(single.nats.start)
        jobs.start()
        await jobs.ready()

        async def published() -> list[AnyEvent]:
            return await stored_events(single, job["id"])

        events = await until(published)
    # The claim that the killed worker had parked may have been given the job as it was created.
    assert [event.id for event in events] in ([f"{job['id']}:{n}" for n in range(1, 1 + k)] for k in (1, 2))


SLOW_CREATION = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NEW; END';
CREATE TRIGGER dawdle BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION dawdle();
"""
IS_BEING_CREATED = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
)


async def test_a_job_that_was_handed_over_by_a_service_that_was_killed_before_it_said_so_is_run_again(
    single: Cluster, database: str
) -> None:
    jobs = single.jobs[0]
    spec = JobTypeSpec(name="by_hand", lease_seconds=1, backoff=Backoff(initial_seconds=0.1))
    async with (
        aiohttp.ClientSession() as session,
        bus_of(single, "runner") as bus,
        connected(database, "jobs") as connection,
    ):
        await bus.request(REGISTER_SUBJECT, RegisterRequest(runner="old", job_types=(spec,)), RegisterReply)
        direct = Api(session, jobs.url, single.token())
        # What the service has not done before takes long: nothing is handed over to a claim that may end meanwhile.
        await direct.start_job("by_hand")
        [first] = await until(lambda: _claimed(bus, "old"))
        await _complete(bus, "old", first.job.id, 1, first.token)
        await connection.execute(SLOW_CREATION)
        old = asyncio.create_task(_claim(bus, "old", wait_ms=8_000))
        await until(lambda: _is_parked(direct))
        creation = asyncio.create_task(direct.start_job("by_hand"))
        await until(lambda: connection.fetchval(IS_BEING_CREATED))
        jobs.kill()
        # PostgreSQL does to the end what it was asked to.
        job_id = await until(
            lambda: connection.fetchval("SELECT id::text FROM jobs WHERE status = 'running'")
        )
        answers = await asyncio.gather(old, creation, return_exceptions=True)
        assert all(isinstance(answer, Exception) for answer in answers)
        jobs.start()
        await jobs.ready()
        new = (await until(lambda: _claimed(bus, "new")))[0]
        assert (new.job.id, new.attempt) == (job_id, 2)
        assert await _complete(bus, "new", job_id, new.attempt, new.token) == Outcome.ACCEPTED
        done = await Api(session, single.gateway[0].url, single.token()).finished(job_id)
    events = await until(lambda: _stored_upto(single, job_id, done["revision"]))
    check_history(events, done)
    assert [event.revision for event in events] == [1, 2, 3, 4, 5]


async def _is_parked(api: Api) -> bool:
    async with api.session.get(api.url + "/metrics") as answer:
        return "wayside_jobs_claims_parked 1.0" in await answer.text()


async def _claimed(bus: Bus, runner: str) -> Any:
    return (await _claim(bus, runner)).assignments


async def _stored_upto(cluster: Cluster, job_id: str, revision: int) -> list[AnyEvent]:
    events = await stored_events(cluster, job_id)
    return events if events and events[-1].revision == revision else []


async def test_a_stream_continues_at_another_gateway_when_its_own_is_killed(doubled: Cluster) -> None:
    first, second = doubled.gateway
    async with aiohttp.ClientSession() as session:
        worker = doubled.worker("tests.e2e.worker")
        worker.start()
        api = Api(session, first.url, doubled.token())
        job = await api.start_job("steps", steps=60)
        path, seen = f"/v1/jobs/{job['id']}/events", list[int]()
        last_id = await _follow_and_kill(api, path, seen, first)
        other = Api(session, second.url, doubled.token())
        async with other.stream(path, last_id) as frames:
            async for frame in frames:
                if frame.event.startswith("analysis."):
                    seen.append(frame.json["revision"])
                if frame.event == "wayside.end":
                    break
        done = await other.finished(job["id"])
        worker.stop()
    assert done["status"] == "completed"
    stored = [event.revision for event in await stored_events(doubled, job["id"])]
    assert seen == stored[-len(seen) :]


async def _follow_and_kill(api: Api, path: str, seen: list[int], gateway: Any) -> str | None:
    """Follow for ten events, kill the gateway, and return the last id that came through."""
    last_id = None
    try:
        async with api.stream(path) as frames:
            async for frame in frames:
                last_id = frame.id or last_id
                if frame.event.startswith("analysis."):
                    seen.append(frame.json["revision"])
                if len(seen) == 10:
                    gateway.kill()
    except aiohttp.ClientError:
        pass
    return last_id
