"""Retries: a new job like an ended one, linked, once at a time."""

import asyncio
from typing import Any

import pytest
from tests.jobs.api import SCOPE, Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, StartInstance

from wayside_events.bus import Bus, RequestRefused
from wayside_events.contracts.jobs import RETRY_SUBJECT, Job, RetryReply, RetryRequest
from wayside_events.identifiers import ScopeName
from wayside_events.jobs import JobStatus

UNKNOWN = "0198f000-0000-7000-8000-00000000ffff"


async def failed(api: Api, runner: RunnerForTests, **fields: Any) -> Job:
    job = await api.create(max_attempts=1, **fields)
    await runner.report(await runner.claim_one(), "fail", error={"code": "c", "message": "m"})
    return job


async def test_a_retry_is_a_new_job_with_the_input_of_the_old_one(api: Api, runner: RunnerForTests) -> None:
    old = await failed(api, runner, input={"a": [1, "ü"]}, session_id="s", priority=7)
    answer = await api.post(f"/v1/jobs/{old.id}/retry")
    new = Job.model_validate(answer.body)
    assert (answer.status, new.retry_of, new.status) == (201, old.id, JobStatus.QUEUED)
    assert (new.input, new.session_id, new.priority, new.attempt) == ({"a": [1, "ü"]}, "s", 7, 0)
    assert (await runner.claim_one()).job.input == {"a": [1, "ü"]}
    assert (await api.job(old.id)).status is JobStatus.FAILED


async def test_while_a_retry_is_active_it_is_returned(api: Api, runner: RunnerForTests) -> None:
    old = await failed(api, runner)
    first = await api.post(f"/v1/jobs/{old.id}/retry")
    second = await api.post(f"/v1/jobs/{old.id}/retry")
    assert (second.status, second.body["id"]) == (200, first.body["id"])
    await api.cancel(first.body["id"])
    third = await api.post(f"/v1/jobs/{old.id}/retry")
    assert (third.status, third.body["id"] == first.body["id"]) == (201, False)


async def test_two_retries_at_once_make_one_job(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    one, other = [await start_instance() for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register()
    old = await failed(one, runner)
    answers = await asyncio.gather(
        *(api.post(f"/v1/jobs/{old.id}/retry") for _ in range(5) for api in (one, other))
    )
    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]
    assert await connection.fetchval("SELECT count(*) FROM jobs WHERE retry_of = $1", old.id) == 1


async def test_what_cannot_be_retried_says_why(api: Api, runner: RunnerForTests) -> None:
    await runner.register(spec(), spec("demo.once", capabilities={"retry": False}))
    waiting = await api.create()
    tracked = (await runner.create(mode="tracked", runner=runner.name)).job
    once = await api.create(type="demo.once")
    await api.cancel(once.id)
    for job_id, status, code, current in (
        (waiting.id, 409, "wrong_state", "queued"),
        (tracked.id, 409, "retry_not_supported", "running"),
        (once.id, 409, "retry_not_supported", "canceled"),
    ):
        answer = await api.post(f"/v1/jobs/{job_id}/retry")
        assert (answer.status, answer.body["code"], answer.body["current"]["status"]) == (
            status,
            code,
            current,
        )
    assert (await api.post(f"/v1/jobs/{UNKNOWN}/retry")).status == 404
    assert (await api.as_("eve", "admin", scope="other").post(f"/v1/jobs/{once.id}/retry")).status == 404
    assert (await api.as_("vi", "viewer").post(f"/v1/jobs/{once.id}/retry")).status == 403


async def test_a_retry_has_the_parent_only_while_that_is_active(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    parent = await api.create(queue="parents")
    child = await failed(api, runner, parent_id=parent.id)
    inside = Job.model_validate((await api.post(f"/v1/jobs/{child.id}/retry")).body)
    assert (inside.parent_id, inside.root_id) == (parent.id, parent.id)
    assert await connection.fetchval("SELECT child_count FROM jobs WHERE id = $1", parent.id) == 2
    await api.cancel(inside.id)
    await api.cancel(parent.id)
    outside = Job.model_validate((await api.post(f"/v1/jobs/{child.id}/retry")).body)
    assert (outside.parent_id, outside.root_id, outside.retry_of) == (None, None, child.id)


async def test_the_active_job_with_the_unique_key_is_returned(api: Api, runner: RunnerForTests) -> None:
    old = await failed(api, runner, unique_key="u")
    active = await api.create(unique_key="u")
    answer = await api.post(f"/v1/jobs/{old.id}/retry")
    assert (answer.status, answer.body["id"]) == (200, active.id)


async def test_a_repeat_with_the_key_gets_the_first_answer(api: Api, runner: RunnerForTests) -> None:
    old, other = await failed(api, runner), await failed(api, runner)
    key = {"Idempotency-Key": "k"}
    first = await api.post(f"/v1/jobs/{old.id}/retry", headers=key)
    await api.cancel(first.body["id"])
    again = await api.post(f"/v1/jobs/{old.id}/retry", headers=key)
    assert (again.status, again.body) == (201, first.body)
    for path in (f"/v1/jobs/{other.id}/retry", f"/v1/jobs/{old.id}/cancel"):
        answer = await api.post(path, headers=key)
        assert (answer.status, answer.body["code"]) == (409, "idempotency_key_reused")


async def test_repeats_at_the_same_moment_do_it_once(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    one, other = [await start_instance() for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register()
    old = await failed(one, runner)
    key = {"Idempotency-Key": "k"}
    answers = await asyncio.gather(
        *(api.post(f"/v1/jobs/{old.id}/retry", headers=key) for _ in range(4) for api in (one, other))
    )
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1


async def test_other_services_retry_over_nats(api: Api, runner: RunnerForTests, bus: Bus) -> None:
    old = await failed(api, runner)
    request = RetryRequest(
        scope=ScopeName(SCOPE), job_id=old.id, requested_by="importer", idempotency_key="k"
    )
    first = await bus.request(RETRY_SUBJECT, request, RetryReply)
    again = await bus.request(RETRY_SUBJECT, request, RetryReply)
    assert (first.created, first.job.created_by, first.job.retry_of) == (True, "importer", old.id)
    assert again == first.model_copy(update={"replayed": True})
    with pytest.raises(RequestRefused) as refused:
        await bus.request(RETRY_SUBJECT, request.model_copy(update={"scope": "other"}), RetryReply)
    assert refused.value.problem.status == 404


async def test_a_retry_has_as_many_attempts_as_were_asked_for(api: Api, runner: RunnerForTests) -> None:
    old = await api.create(max_attempts=1)
    await runner.report(await runner.claim_one(), "release")
    await runner.report(await runner.claim_one(), "fail", error={"code": "c", "message": "m"})
    assert ((await api.job(old.id)).attempt, (await api.job(old.id)).max_attempts) == (2, 2)
    assert (await api.post(f"/v1/jobs/{old.id}/retry")).body["max_attempts"] == 1


async def test_an_active_retry_is_returned_although_the_parent_has_no_room_for_another(
    start_instance: StartInstance, bus: Bus
) -> None:
    api = await start_instance(family_children_limit=2)
    runner = RunnerForTests(bus)
    await runner.register()
    parent = await api.create(queue="parents")
    child = await failed(api, runner, parent_id=parent.id)
    first = await api.post(f"/v1/jobs/{child.id}/retry")
    second = await api.post(f"/v1/jobs/{child.id}/retry")
    assert (first.status, second.status, second.body["id"]) == (201, 200, first.body["id"])


async def test_answers_that_show_a_job_link_to_what_it_is_about(api: Api, runner: RunnerForTests) -> None:
    await runner.register(spec(resource_link="/reports/{related.id}"))
    body = {"type": "demo.add", "scope": SCOPE, "related": {"type": "report", "id": "r1"}, "unique_key": "u"}
    created, existing = [await api.post("/v1/jobs", body) for _ in range(2)]
    canceled = await api.cancel(created.body["id"])
    retried = await api.post(f"/v1/jobs/{created.body['id']}/retry")
    answers = (created, existing, canceled, retried)
    assert [answer.status for answer in answers] == [201, 200, 200, 201]
    assert {answer.body["links"].get("resource") for answer in answers} == {"/reports/r1"}
