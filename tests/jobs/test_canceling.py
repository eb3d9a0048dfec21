"""Cancel in every state: recorded first, pushed, answered, acknowledged or forced."""

import asyncio
from typing import Any

import pytest
from tests.eventually import eventually
from tests.jobs.api import Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, EventLog, StartInstance

from wayside_events.bus import Bus
from wayside_events.contracts.jobs import Outcome, RunnerPush, runner_subject
from wayside_events.jobs import JobCanceled, JobCancelRequested, JobStatus


async def test_a_waiting_job_is_canceled_at_once(api: Api, runner: RunnerForTests, log: EventLog) -> None:
    job = await api.create()
    answer = await api.cancel(job.id, "not needed")
    assert (answer.status, answer.body["status"], answer.body["cancel"]["reason"]) == (
        200,
        "canceled",
        "not needed",
    )
    assert await runner.claim(1) == ()
    assert await log.has(job.id, "queued", "canceled")


async def test_the_runner_is_told_and_acknowledges(
    api: Api, runner: RunnerForTests, bus: Bus, log: EventLog
) -> None:
    pushes: list[bytes] = []
    await bus.listen(runner_subject(runner.name), pushes.append)
    job = await api.create()
    assignment = await runner.claim_one()
    answer = await api.cancel(job.id)
    assert (answer.body["status"], answer.body["cancel"]["state"]) == ("running", "requested")
    assert await eventually(lambda: bool(pushes))
    assert RunnerPush.model_validate_json(pushes[0]) == RunnerPush(job_id=job.id, attempt=1)
    assert (await runner.report(assignment, "heartbeat")).cancel_requested is True
    assert (await runner.report(assignment, "acknowledge_cancel")).outcome is Outcome.ACCEPTED
    assert await log.has(job.id, "queued", "started", "cancel_requested", "canceled")
    requested, canceled = log.of(job.id)[2:]
    assert isinstance(requested, JobCancelRequested)
    assert isinstance(canceled, JobCanceled)
    assert (requested.data.requested_by, canceled.data.forced) == ("ada", False)


async def test_a_runner_that_does_not_stop_is_canceled_by_force_and_fenced(
    api: Api, runner: RunnerForTests, log: EventLog
) -> None:
    await runner.register(spec(cancel_grace_seconds=0.1))
    job = await api.create()
    assignment = await runner.claim_one()
    await api.cancel(job.id)
    assert await log.has(job.id, "queued", "started", "cancel_requested", "canceled")
    assert (await runner.report(assignment, "complete", result=1)).outcome is Outcome.FENCED
    forced = await api.job(job.id)
    assert forced.cancel is not None
    assert (forced.status, forced.cancel.state) == (JobStatus.CANCELED, "forced")


async def test_asking_twice_is_asking_once(api: Api, runner: RunnerForTests) -> None:
    job = await api.create()
    await runner.claim_one()
    first, second = await api.cancel(job.id, "one"), await api.cancel(job.id, "two")
    assert (second.status, second.body) == (200, first.body)


ENDS: list[Any] = ["complete", "fail", "cancel"]


async def test_a_job_that_has_ended_cannot_be_canceled(
    api: Api, runner: RunnerForTests, subtests: pytest.Subtests
) -> None:
    for end in ENDS:
        with subtests.test(end):
            job = await api.create(max_attempts=1)
            if end == "cancel":
                await api.cancel(job.id)
            else:
                fields = {"error": {"code": "c", "message": "m"}} if end == "fail" else {}
                await runner.report(await runner.claim_one(), end, **fields)
            answer = await api.cancel(job.id)
            current = (await api.job(job.id)).status
            assert (answer.status, answer.body["code"], answer.body["current"]["status"]) == (
                409,
                "wrong_state",
                current,
            )


async def test_a_type_that_cannot_be_canceled_is_not_once_it_runs(api: Api, runner: RunnerForTests) -> None:
    await runner.register(spec(capabilities={"cancel": False}))
    job = await api.create()
    await runner.claim_one()
    answer = await api.cancel(job.id)
    assert (answer.status, answer.body["code"]) == (409, "cancel_not_supported")
    assert (await api.job(job.id)).cancel is None


async def test_a_cancel_holds_no_more_than_one_connection(start_instance: StartInstance, bus: Bus) -> None:
    api = await start_instance(
        database_pool_size=1, database_acquire_timeout_seconds=0.3, sweep_interval_seconds=60
    )
    runner = RunnerForTests(bus)
    await runner.register()
    job = await api.create()
    await runner.claim_one()
    await runner.register(spec(label="what was known of the type is forgotten"))
    assert (await api.cancel(job.id)).status == 200


async def test_a_canceled_job_whose_runner_is_lost_ends(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    job = await api.create()
    await runner.claim_one()
    await api.cancel(job.id)
    await connection.execute("UPDATE jobs SET lease_expires_at = now(), due_at = now()")

    async def is_canceled() -> bool:
        return (await api.job(job.id)).status is JobStatus.CANCELED

    assert await eventually(is_canceled)


async def test_claim_and_cancel_at_the_same_moment_agree(
    start_instance: StartInstance, bus: Bus, log: EventLog
) -> None:
    one, other = [await start_instance() for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register()
    for _ in range(10):
        job = await one.create()
        claimed, answer = await asyncio.gather(runner.claim(1), other.cancel(job.id))
        assert answer.status == 200
        assert answer.body["status"] == ("running" if claimed else "canceled")
        if claimed:
            await runner.report(claimed[0], "acknowledge_cancel")
        assert await log.ends_with(job.id, "canceled")
        assert [event.revision for event in log.of(job.id)] == list(range(1, len(log.of(job.id)) + 1))


async def test_a_completion_and_a_cancel_at_the_same_moment_agree(
    start_instance: StartInstance, bus: Bus, log: EventLog
) -> None:
    one, other = [await start_instance() for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register()
    for _ in range(10):
        job = await one.create()
        assignment = await runner.claim_one()
        outcome, answer = await asyncio.gather(
            runner.report(assignment, "complete", result=1), other.cancel(job.id)
        )
        ended = await one.job(job.id)
        assert (outcome.outcome, ended.status) == (Outcome.ACCEPTED, JobStatus.COMPLETED)
        if answer.status == 200:
            assert await log.has(job.id, "queued", "started", "cancel_requested", "completed")
        else:
            assert (answer.status, answer.body["current"]["status"]) == (409, "completed")
            assert await log.has(job.id, "queued", "started", "completed")


async def test_cancels_at_the_same_moment_are_one(
    start_instance: StartInstance, bus: Bus, log: EventLog
) -> None:
    one, other = [await start_instance() for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register()
    waiting, running = await one.create(), await one.create(priority=9)
    assignment = await runner.claim_one()
    for job in (waiting, running):
        answers = await asyncio.gather(*(api.cancel(job.id) for api in (one, other) for _ in range(4)))
        assert {answer.status for answer in answers} <= {200, 409}
    assert await log.has(waiting.id, "queued", "canceled")
    await runner.report(assignment, "acknowledge_cancel")
    assert await log.has(running.id, "queued", "started", "cancel_requested", "canceled")


async def test_a_job_given_back_after_its_cancel_ends_and_is_not_run_again(
    api: Api, runner: RunnerForTests, log: EventLog
) -> None:
    """A runner that drains may not have heard the push."""
    job = await api.create()
    assignment = await runner.claim_one()
    await api.cancel(job.id)
    assert (await runner.report(assignment, "release")).outcome is Outcome.ACCEPTED
    assert await log.has(job.id, "queued", "started", "cancel_requested", "canceled")
    assert await runner.claim(1) == ()


async def test_a_repeat_of_a_cancel_gets_the_first_answer(api: Api, runner: RunnerForTests) -> None:
    job = await api.create()
    key = {"Idempotency-Key": "k"}
    first = await api.post(f"/v1/jobs/{job.id}/cancel", {"reason": "one"}, headers=key)
    again = await api.post(f"/v1/jobs/{job.id}/cancel", {"reason": "one"}, headers=key)
    other = await api.post(f"/v1/jobs/{job.id}/cancel", {"reason": "two"}, headers=key)
    assert (first.status, again.status, again.body) == (200, 200, first.body)
    assert (other.status, other.body["code"]) == (409, "idempotency_key_reused")


async def test_a_key_of_a_creation_is_no_key_of_a_cancel(api: Api, runner: RunnerForTests) -> None:
    key = {"Idempotency-Key": "k"}
    body = {"type": "demo.add", "scope": "acme"}
    job = await api.post("/v1/jobs", body, headers=key)
    cancel = f"/v1/jobs/{job.body['id']}/cancel"
    assert (await api.post(cancel, headers=key)).body["code"] == "idempotency_key_reused"
    assert (await api.post(cancel, headers={"Idempotency-Key": "l"})).status == 200
    assert (await api.post("/v1/jobs", body, headers={"Idempotency-Key": "l"})).body["code"] == (
        "idempotency_key_reused"
    )


async def test_a_refused_request_takes_no_key(api: Api, runner: RunnerForTests) -> None:
    await runner.register(spec(capabilities={"cancel": False}))
    job = await api.create()
    assignment = await runner.claim_one()
    key = {"Idempotency-Key": "k"}
    refused = await api.post(f"/v1/jobs/{job.id}/cancel", headers=key)
    assert (refused.status, refused.body["current"]) == (409, {"status": "running", "revision": 2})
    await runner.report(assignment, "release")
    assert (await api.post(f"/v1/jobs/{job.id}/cancel", headers=key)).status == 200
