"""Claims: order, parking, waking, fairness, and two instances at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.eventually import eventually
from tests.jobs.api import TYPE, Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, StartInstance

from wayside_events.bus import Bus, RequestRefused
from wayside_events.contracts import jobs as contracts
from wayside_events.contracts.jobs import Assignment


async def parked(api: Api, count: int = 1) -> None:
    """Wait until claims are parked at an instance."""

    async def are_parked() -> bool:
        async with api.client.get("/metrics") as response:
            return f"wayside_jobs_claims_parked {count}.0" in await response.text()

    assert await eventually(are_parked)


def inputs(assignments: tuple[Assignment, ...]) -> list[object]:
    return [assignment.job.input for assignment in assignments]


async def test_the_most_urgent_job_is_claimed_first_and_then_the_oldest(
    api: Api, runner: RunnerForTests
) -> None:
    for number, priority in enumerate([5, 9, 0, 5]):
        await api.create(input=number, priority=priority)
    assert inputs(await runner.claim(10)) == [1, 0, 3, 2]


async def test_a_runner_gets_only_the_queues_and_types_it_serves(api: Api, runner: RunnerForTests) -> None:
    await runner.register(spec("demo.other"), spec("demo.slow", queue="slow"))
    await api.create(type="demo.other", input="other type")
    await api.create(type="demo.slow", input="other queue")
    await api.create(queue="slow", input="mine, elsewhere")
    assert await runner.claim(10) == ()
    mine = await runner.claim(10, queues=["default", "slow"], job_types=[TYPE, "demo.slow"])
    assert inputs(mine) == ["other queue", "mine, elsewhere"]


async def test_a_claim_without_patience_is_answered_at_once(api: Api, runner: RunnerForTests) -> None:
    assert await asyncio.wait_for(runner.claim(1, wait_ms=0), 2) == ()


async def test_a_claim_waits_for_a_job_that_is_created_later(start_instance: StartInstance, bus: Bus) -> None:
    api = await start_instance(claim_backstop_seconds=60)
    runner = RunnerForTests(bus)
    await runner.register()
    claim = asyncio.create_task(runner.claim(1, wait_ms=20_000))
    await parked(api)
    await api.create(input="late")
    assert inputs(await claim) == ["late"]


async def test_a_claim_is_woken_by_a_job_that_another_instance_created(
    start_instance: StartInstance, bus: Bus
) -> None:
    one, other = [await start_instance(claim_backstop_seconds=60) for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register()
    claims = [asyncio.create_task(runner.claim(1, wait_ms=20_000)) for _ in range(8)]

    async def all_parked() -> bool:
        return await count_parked(one) + await count_parked(other) == len(claims)

    assert await eventually(all_parked)
    for number in range(len(claims)):
        await one.create(input=number)
    answers = await asyncio.gather(*claims)
    assert sorted(str(inputs(answer)[0]) for answer in answers) == [str(n) for n in range(8)]


async def count_parked(api: Api) -> int:
    async with api.client.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    return int(
        float(next(line.split()[1] for line in lines if line.startswith("wayside_jobs_claims_parked")))
    )


async def test_a_lost_wake_up_costs_a_poll_and_is_counted(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    api = await start_instance(claim_backstop_seconds=0.2)
    runner = RunnerForTests(bus)
    await runner.register()
    job = await api.create()
    await connection.execute("UPDATE jobs SET queue = 'elsewhere'")
    claim = asyncio.create_task(runner.claim(1, wait_ms=20_000))
    await parked(api)
    await connection.execute("UPDATE jobs SET queue = 'default'")
    assert (await claim)[0].job.id == job.id
    async with api.client.get("/metrics") as response:
        assert "wayside_jobs_backstop_hits_total 1.0" in await response.text()


async def test_a_job_that_was_locked_at_the_first_look_is_looked_for_again(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    api = await start_instance(claim_backstop_seconds=60)
    runner = RunnerForTests(bus)
    await runner.register()
    job = await api.create()
    async with connection.transaction():
        await connection.execute("SELECT FROM jobs WHERE id = $1 FOR UPDATE", job.id)
        claim = asyncio.create_task(runner.claim(1, wait_ms=20_000))
        await parked(api)
    assert (await asyncio.wait_for(claim, 5))[0].job.id == job.id


async def test_those_who_wait_are_served_in_their_order(api: Api, bus: Bus, runner: RunnerForTests) -> None:
    claims = []
    for number in range(3):
        claims.append(asyncio.create_task(RunnerForTests(bus, f"runner-{number}").claim(5, wait_ms=20_000)))
        await parked(api, number + 1)
    for number in range(3):
        await api.create(input=number)
        assert inputs(await claims[number]) == [number]


async def test_many_runners_at_two_instances_never_share_a_job(
    start_instance: StartInstance, bus: Bus
) -> None:
    api, _ = [await start_instance() for _ in range(2)]
    runners = [RunnerForTests(bus, f"runner-{number}") for number in range(6)]
    await runners[0].register(spec(), spec("demo.other"))
    await asyncio.gather(*(api.create(type=TYPE if n % 2 else "demo.other") for n in range(60)))

    async def work(runner: RunnerForTests) -> list[str]:
        claimed: list[str] = []
        while found := await runner.claim(3, wait_ms=300, job_types=[TYPE, "demo.other"]):
            claimed += [assignment.job.id for assignment in found]
        return claimed

    claimed = [job_id for ids in await asyncio.gather(*map(work, runners)) for job_id in ids]
    assert len(claimed) == len(set(claimed)) == 60


async def test_a_job_is_not_claimed_before_its_time(api: Api, runner: RunnerForTests) -> None:
    run_at = datetime.now(UTC) + timedelta(seconds=0.5)
    await api.create(run_at=run_at.isoformat())
    assert await runner.claim(1) == ()
    assignment = await runner.claim_one(wait_ms=10_000)
    assert (await api.job(assignment.job.id)).started_at >= run_at  # type: ignore[operator]


async def test_a_runner_that_withdraws_gets_its_claims_back_empty(
    start_instance: StartInstance, bus: Bus
) -> None:
    api, _ = [await start_instance() for _ in range(2)]
    leaving, staying = RunnerForTests(bus, "leaving"), RunnerForTests(bus, "staying")
    await leaving.register()
    claims = [asyncio.create_task(leaving.claim(1, wait_ms=20_000)) for _ in range(6)]
    other = asyncio.create_task(staying.claim(1, wait_ms=20_000))
    await asyncio.sleep(0.2)
    await bus.request(
        contracts.WITHDRAW_SUBJECT, contracts.WithdrawRequest(runner="leaving"), contracts.WithdrawReply
    )
    assert await asyncio.wait_for(asyncio.gather(*claims), 5) == [()] * 6
    await api.create()
    assert len(await other) == 1


async def test_another_attempt_is_told_how_the_last_one_ended(api: Api, runner: RunnerForTests) -> None:
    await runner.register(spec(backoff=contracts.Backoff(initial_seconds=0)))
    await api.create()
    first = await runner.claim_one()
    assert first.job.last_error is None
    await runner.send(runner.said(first, "fail", error={"code": "full", "message": "no room"}))
    second = await runner.claim_one()
    assert second.job.last_error is not None
    assert (second.attempt, second.job.last_error.code) == (2, "full")
    await runner.send(runner.said(second, "release"))
    third = await runner.claim_one()
    assert (third.attempt, third.job.last_error) == (3, None)


async def test_what_a_blocked_runner_never_heard_of_goes_to_others_and_burns_no_attempt(
    api: Api, runner: RunnerForTests
) -> None:
    for name in ("known", "reported on", "unheard of"):
        await api.create(input=name, max_attempts=1)
    known, reported, unheard = await runner.claim(3)
    await runner.send(runner.said(reported, "heartbeat"))
    held = (contracts.HeldAttempt(job_id=known.job.id, attempt=known.attempt),)
    body = contracts.WithdrawRequest(runner=runner.name, held=held)
    for _ in range(2):
        await withdraw(runner, body)
    [again] = await RunnerForTests(runner.bus, "other").claim(3)
    assert (again.job.id, again.attempt, again.job.max_attempts) == (unheard.job.id, 2, 2)
    outcomes = await runner.send(*(runner.said(given, "complete") for given in (known, reported, unheard)))
    assert [outcome.outcome for outcome in outcomes] == ["accepted", "accepted", "fenced"]


async def withdraw(runner: RunnerForTests, body: contracts.WithdrawRequest) -> None:
    await runner.bus.request(contracts.WITHDRAW_SUBJECT, body, contracts.WithdrawReply)


async def test_inputs_that_do_not_fit_one_answer_come_in_several(api: Api, runner: RunnerForTests) -> None:
    for _ in range(5):
        await api.create(input="x" * 200_000)
    counts = [len(await runner.claim(10)) for _ in range(3)]
    assert counts == [4, 1, 0]


WRONG_CLAIMS: list[Any] = [{"slots": 0}, {"queues": ()}, {"wait_ms": 10**9}, {"job_types": ("Ä",)}]


async def test_a_claim_that_makes_no_sense_is_refused(
    runner: RunnerForTests, bus: Bus, subtests: pytest.Subtests
) -> None:
    good = {"runner": "r", "queues": ("default",), "job_types": (TYPE,), "slots": 1, "wait_ms": 0}
    for fields in WRONG_CLAIMS:
        with subtests.test(str(fields)):
            body = contracts.ClaimRequest.model_construct(**{**good, **fields})
            with pytest.raises(RequestRefused) as refused:
                await bus.request(contracts.CLAIM_SUBJECT, body, contracts.ClaimReply)
            assert refused.value.problem.status == 422
            assert refused.value.problem.errors[0].field.startswith("/" + next(iter(fields)))
