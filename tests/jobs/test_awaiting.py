"""Waiting for jobs to end over NATS: at once, parked, woken here and from elsewhere, bounded."""

import asyncio
from typing import Any

from tests.eventually import eventually
from tests.jobs.api import SCOPE, Api, RunnerForTests
from tests.jobs.conftest import Connection, StartInstance

from wayside_events.bus import Bus
from wayside_events.contracts.jobs import AWAIT_SUBJECT, AwaitReply, AwaitRequest
from wayside_events.identifiers import new_id

UNKNOWN = str(new_id())


async def ends(bus: Bus, *job_ids: str, wait_ms: int = 0, scope: str = SCOPE) -> AwaitReply:
    body = AwaitRequest.model_validate({"scope": scope, "job_ids": job_ids, "wait_ms": wait_ms})
    return await bus.request(AWAIT_SUBJECT, body, AwaitReply, timeout_seconds=wait_ms / 1000 + 5)


async def metric(api: Api, name: str) -> float:
    async with api.client.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


async def parked(*instances: Api, count: int = 1) -> bool:
    """Wait until so many requests wait at the instances."""

    async def are_parked() -> bool:
        return sum([await metric(api, "wayside_jobs_awaits_parked") for api in instances]) == count

    return await eventually(are_parked)


async def ended(api: Api, runner: RunnerForTests, **report: Any) -> str:
    """The id of a job that has ended."""
    job = await api.create()
    await runner.report(await runner.claim_one(), **(report or {"kind": "complete"}))
    return job.id


async def test_jobs_that_have_ended_are_told_at_once_with_how(
    api: Api, runner: RunnerForTests, bus: Bus
) -> None:
    done = await ended(api, runner, kind="complete", result={"n": 1})
    error = {"code": "error", "message": "no", "retryable": False}
    failed = await ended(api, runner, kind="fail", error=error)
    active = (await api.create()).id
    reply = await ends(bus, done, active, failed, done, UNKNOWN, wait_ms=20_000)
    assert [(item.job_id, item.status, item.result) for item in reply.ended] == [
        (done, "completed", {"n": 1}),
        (failed, "failed", None),
    ]
    assert reply.ended[1].error is not None
    assert (reply.ended[1].error.message, reply.pending, reply.missing) == ("no", 1, (UNKNOWN,))


async def test_jobs_of_another_scope_are_missing(api: Api, runner: RunnerForTests, bus: Bus) -> None:
    job = await api.create()
    reply = await ends(bus, job.id, scope="other", wait_ms=20_000)
    assert (reply.ended, reply.pending, reply.missing) == ((), 0, (job.id,))


async def test_without_patience_the_answer_comes_at_once(api: Api, runner: RunnerForTests, bus: Bus) -> None:
    job = await api.create()
    reply = await ends(bus, job.id)
    assert (reply.ended, reply.pending, reply.missing) == ((), 1, ())


async def test_who_waits_is_woken_by_the_first_end(start_instance: StartInstance, bus: Bus) -> None:
    api = await start_instance(claim_backstop_seconds=60)
    runner = RunnerForTests(bus)
    await runner.register()
    jobs = [await api.create() for _ in range(3)]
    waiting = asyncio.create_task(ends(bus, *(job.id for job in jobs), wait_ms=20_000))
    assert await parked(api)
    await api.cancel(jobs[1].id)
    reply = await waiting
    assert [(item.job_id, item.status) for item in reply.ended] == [(jobs[1].id, "canceled")]
    assert reply.pending == 2
    assert await metric(api, "wayside_jobs_await_backstop_hits_total") == 0


async def test_an_end_at_another_instance_is_heard_of(start_instance: StartInstance, bus: Bus) -> None:
    one, other = [await start_instance(claim_backstop_seconds=60) for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register()
    jobs = [await one.create() for _ in range(8)]
    waits = [asyncio.create_task(ends(bus, job.id, wait_ms=20_000)) for job in jobs]
    assert await parked(one, other, count=8)
    for job in jobs:
        await one.cancel(job.id)
    assert [(await wait).ended[0].job_id for wait in waits] == [job.id for job in jobs]


async def test_a_lost_word_costs_a_poll_and_is_counted(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    api = await start_instance(claim_backstop_seconds=0.2)
    runner = RunnerForTests(bus)
    await runner.register()
    job = await api.create()
    waiting = asyncio.create_task(ends(bus, job.id, wait_ms=20_000))
    assert await parked(api)
    await connection.execute("UPDATE jobs SET status = 'canceled', finished_at = now()")
    assert (await waiting).ended[0].status == "canceled"
    assert await metric(api, "wayside_jobs_await_backstop_hits_total") == 1


async def test_a_job_that_is_deleted_meanwhile_is_missing(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    api = await start_instance(claim_backstop_seconds=0.2)
    await RunnerForTests(bus).register()
    job = await api.create()
    waiting = asyncio.create_task(ends(bus, job.id, wait_ms=20_000))
    assert await parked(api)
    await connection.execute("DELETE FROM jobs")
    assert (await waiting).missing == (job.id,)


async def test_an_answer_fits_a_message_and_the_rest_comes_with_the_next(
    api: Api, runner: RunnerForTests, bus: Bus
) -> None:
    ids = [await ended(api, runner, kind="complete", result="x" * 250_000) for _ in range(5)]
    found: list[str] = []
    while len(found) < len(ids):
        left = [job_id for job_id in ids if job_id not in found]
        reply = await ends(bus, *left, wait_ms=20_000)
        assert reply.ended
        assert reply.pending == len(left) - len(reply.ended)
        found += [item.job_id for item in reply.ended]
    assert found == ids


async def test_who_waits_is_answered_when_the_instance_ends(start_instance: StartInstance, bus: Bus) -> None:
    api = await start_instance()
    await RunnerForTests(bus).register()
    job = await api.create()
    waiting = asyncio.create_task(ends(bus, job.id, wait_ms=60_000))
    assert await parked(api)
    await api.client.close()
    reply = await asyncio.wait_for(waiting, 5)
    assert (reply.ended, reply.pending) == ((), 1)
