"""Creating jobs: defaults, repeats, unique keys, families, tracked jobs, and what is refused."""

import asyncio
from io import BytesIO
from typing import Any

import pytest
from tests.jobs.api import SCOPE, TYPE, Answer, Api, Raw, RunnerForTests, spec
from tests.jobs.conftest import Connection, EventLog, StartInstance

from wayside_events.bus import Bus, RequestRefused
from wayside_events.contracts import jobs as contracts
from wayside_events.contracts.jobs import CREATE_SUBJECT, CreateReply, Outcome
from wayside_events.jobs import JobMode, JobStatus

UNKNOWN = "0198f000-0000-7000-8000-000000000001"


async def test_limits_that_are_left_out_come_from_the_type(api: Api, runner: RunnerForTests) -> None:
    await runner.register(spec(queue="slow", max_attempts=7, lease_seconds=12, timeout_seconds=99))
    job = await api.create()
    assert (job.queue, job.max_attempts, job.priority, job.revision) == ("slow", 7, 5, 1)
    assignment = await runner.claim_one(queues=["slow"])
    assert (assignment.lease_seconds, assignment.timeout_seconds) == (12, 99)


async def test_what_a_job_is_about_is_kept(api: Api, runner: RunnerForTests) -> None:
    fields: dict[str, Any] = {
        "session_id": "s-1",
        "related": {"type": "report", "id": "7"},
        "origin": "web",
        "input": {"zoë": [1.5, None, "\u2028"], "order": {"b": 1, "a": 2}},
    }
    job = await api.create(**fields)
    kept = (await api.get(f"/v1/jobs/{job.id}")).body
    assert {name: kept[name] for name in fields} == fields
    assert list(kept["input"]["order"]) == ["b", "a"]
    assert kept["created_by"] == "ada"


async def test_the_same_idempotency_key_gives_the_same_answer(api: Api, runner: RunnerForTests) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"type": TYPE, "scope": SCOPE, "input": 1}
    first = await api.post("/v1/jobs", body, headers=headers)
    await runner.claim_one()
    second = await api.post("/v1/jobs", body, headers=headers)
    assert (first.status, second.status, second.body) == (201, 201, first.body)
    assert [answer.headers.get("Idempotent-Replayed") for answer in (first, second)] == [None, "true"]


async def test_a_repeat_of_what_found_a_job_finds_it_again_when_it_has_ended(
    api: Api, runner: RunnerForTests
) -> None:
    job = await api.create(unique_key="nightly")
    body = {"type": TYPE, "scope": SCOPE, "unique_key": "nightly"}
    first = await api.post("/v1/jobs", body, headers={"Idempotency-Key": "once"})
    await api.cancel(job.id)
    second = await api.post("/v1/jobs", body, headers={"Idempotency-Key": "once"})
    assert (first.status, second.status, second.body) == (200, 200, first.body)
    outcome = (await api.post("/v1/jobs/batch", {"jobs": [{**body, "idempotency_key": "once"}]})).body[
        "outcomes"
    ][0]
    assert (outcome["job_id"], outcome["created"], outcome["replayed"]) == (job.id, False, True)


async def test_an_idempotency_key_belongs_to_its_caller(api: Api, runner: RunnerForTests) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"type": TYPE, "scope": SCOPE}
    answers = [await who.post("/v1/jobs", body, headers=headers) for who in (api, api.as_("eve"))]
    assert [answer.status for answer in answers] == [201, 201]


async def test_an_idempotency_key_with_another_body_is_a_conflict(api: Api, runner: RunnerForTests) -> None:
    headers = {"Idempotency-Key": "once"}
    await api.post("/v1/jobs", {"type": TYPE, "scope": SCOPE, "input": 1}, headers=headers)
    answer = await api.post("/v1/jobs", {"type": TYPE, "scope": SCOPE, "input": 2}, headers=headers)
    assert (answer.status, answer.body["code"]) == (409, "idempotency_key_reused")


async def test_simultaneous_repeats_at_two_instances_create_one_job(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    apis = [await start_instance() for _ in range(2)]
    await RunnerForTests(bus).register()
    body = {"type": TYPE, "scope": SCOPE}
    headers = {"Idempotency-Key": "once"}
    answers = await asyncio.gather(*(api.post("/v1/jobs", body, headers=headers) for api in apis * 8))
    assert [answer.status for answer in answers] == [201] * 16
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 15
    assert await connection.fetchval("SELECT count(*) FROM jobs") == 1


async def test_a_unique_key_returns_the_active_job_and_is_free_again_afterwards(
    api: Api, runner: RunnerForTests
) -> None:
    first = await api.create(unique_key="nightly")
    again = await api.post("/v1/jobs", {"type": TYPE, "scope": SCOPE, "unique_key": "nightly"})
    assert (again.status, again.body["id"]) == (200, first.id)
    await runner.report(await runner.claim_one(), "complete")
    assert (await api.create(unique_key="nightly")).id != first.id


async def test_simultaneous_unique_keys_in_any_order_create_one_job_each(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    apis = [await start_instance() for _ in range(2)]
    await RunnerForTests(bus).register()
    wanted = [(apis[n % 2], f"key-{(n * 7) % 10}") for n in range(60)]
    bodies = [(api, {"type": TYPE, "scope": SCOPE, "unique_key": key}) for api, key in wanted]
    answers = await asyncio.gather(*(api.post("/v1/jobs", body) for api, body in bodies))
    assert {answer.status for answer in answers} == {200, 201}
    assert await connection.fetchval("SELECT count(*) FROM jobs") == 10


async def test_children_know_their_parent_and_the_root(api: Api, runner: RunnerForTests) -> None:
    root = await api.create()
    child = await api.create(parent_id=root.id)
    grandchild = await api.create(parent_id=child.id)
    assert (root.root_id, child.root_id, grandchild.root_id) == (None, root.id, root.id)
    assert grandchild.parent_id == child.id


async def test_a_tracked_job_runs_at_once_in_the_process_that_created_it(
    api: Api, runner: RunnerForTests, log: EventLog
) -> None:
    reply = await runner.create(mode="tracked", runner="web-1")
    assert (reply.job.status, reply.job.mode, reply.job.runner) == (
        JobStatus.RUNNING,
        JobMode.TRACKED,
        "web-1",
    )
    assert (await runner.report(reply.assignment, "complete", result=1)).outcome is Outcome.ACCEPTED
    assert await log.has(reply.job.id, "started", "completed")


async def test_a_process_that_missed_the_answer_gets_its_tracked_job_by_asking_again(
    api: Api, runner: RunnerForTests
) -> None:
    first, second = [await runner.create(mode="tracked", runner="web-1", key="k") for _ in range(2)]
    assert (second.created, second.replayed, second.job.id) == (True, True, first.job.id)
    assert (await runner.report(first.assignment, "heartbeat")).outcome is Outcome.FENCED
    assert (await runner.report(second.assignment, "heartbeat")).outcome is Outcome.ACCEPTED


async def test_a_tracked_job_whose_process_died_fails(
    api: Api, runner: RunnerForTests, connection: Connection, log: EventLog
) -> None:
    reply = await runner.create(mode="tracked", runner="web-1")
    await connection.execute("UPDATE jobs SET lease_expires_at = now(), due_at = now()")
    assert await log.has(reply.job.id, "started", "failed")


WRONG_JOBS: list[Any] = [
    ({"type": "demo.unknown"}, 422, "unknown_job_type", "/type"),
    ({"type": "Not A Type"}, 422, "invalid_input", "/type"),
    ({"parent_id": UNKNOWN}, 422, "unknown_parent", "/parent_id"),
    ({"scope": "Not.Safe"}, 422, "invalid_input", "/scope"),
    ({"priority": 10}, 422, "invalid_input", "/priority"),
    ({"priority": "high"}, 422, "invalid_input", "/priority"),
    ({"colour": "red"}, 422, "invalid_input", "/colour"),
    ({"related": {"type": "a", "id": "b", "x": 1}}, 422, "invalid_input", "/related"),
    ({"run_at": "tomorrow"}, 422, "invalid_input", "/run_at"),
    ({"run_at": "2026-01-01T00:00:00"}, 422, "invalid_input", "/run_at"),
    ({"max_attempts": 0}, 422, "invalid_input", "/max_attempts"),
    ({"timeout_seconds": -1}, 422, "invalid_input", "/timeout_seconds"),
    ({"runner": "web-1"}, 422, "invalid_input", "/runner"),
    ({"mode": "tracked"}, 422, "invalid_input", "/runner"),
    ({"input": "x" * 256 * 1024}, 413, "too_large", "/input"),
    ({"input": 2**70}, 422, "invalid_input", "/input"),
]


async def test_what_is_wrong_with_a_job_is_said_field_by_field(
    api: Api, runner: RunnerForTests, subtests: pytest.Subtests
) -> None:
    for fields, status, code, place in WRONG_JOBS:
        with subtests.test(str(fields)[:50]):
            answer = await api.post("/v1/jobs", {"type": TYPE, "scope": SCOPE, **fields})
            assert (answer.status, answer.body["code"]) == (status, code)
            assert place in answer.codes
            assert (await api.get("/v1/jobs")).body["items"] == []


WRONG_BODIES: list[Any] = [
    (b'{"type": ', 400, "malformed_json"),
    (b'{"type": "demo.add", "scope": "acme", "input": NaN}', 400, "malformed_json"),
    (b'{"type": "demo.add", "scope": "acme", "input": "\\u0000"}', 422, "invalid_input"),
    (b"[]", 422, "invalid_input"),
    (b"\xff", 400, "malformed_json"),
    (b'{"type": "demo.add", "scope": "acme", "input": "' + b"x" * 2**20 + b'"}', 413, "body_too_large"),
]


async def test_a_body_that_is_no_job_is_refused(
    api: Api, runner: RunnerForTests, subtests: pytest.Subtests
) -> None:
    for body, status, code in WRONG_BODIES:
        with subtests.test(str(body[:70])):
            headers = {"Content-Type": "application/json"}
            answer = await api.call("POST", "/v1/jobs", data=BytesIO(body), headers=headers)
            assert (answer.status, answer.body["code"]) == (status, code)


async def test_a_header_that_is_no_text_is_refused(api: Api, runner: RunnerForTests) -> None:
    headers = {"Idempotency-Key": "\udcff"}
    answer = await api.post("/v1/jobs", {"type": TYPE, "scope": SCOPE}, headers=headers)
    assert answer.status == 422


async def test_the_input_must_fit_the_schema_of_the_type(api: Api, runner: RunnerForTests) -> None:
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {}, "b": {"items": {"type": "integer"}}},
        "additionalProperties": False,
    }
    await runner.register(spec(input_schema=schema))
    answer = await api.post("/v1/jobs", {"type": TYPE, "scope": SCOPE, "input": {"b": [1, "x"], "c": 1}})
    assert answer.status == 422
    assert answer.codes.keys() == {"/input", "/input/b/1"}
    assert (await api.create(input={"a": 1})).input == {"a": 1}


WRONG_REQUESTS: list[Any] = [
    (b"{", 400, "malformed_json", []),
    (b'{"created_by": "ada"}', 422, "invalid_input", ["/job"]),
    (
        b'{"job": {"type": "demo.add", "scope": "acme", "x": 1}, "created_by": "a"}',
        422,
        "invalid_input",
        ["/job/x"],
    ),
    (
        b'{"job": {"type": "demo.no", "scope": "acme"}, "created_by": "a"}',
        422,
        "unknown_job_type",
        ["/job/type"],
    ),
    (
        b'{"job": {"type": "demo.add", "scope": "acme", "input": NaN}, "created_by": "a"}',
        422,
        "invalid_input",
        ["/job/input"],
    ),
    (
        b'{"job": {"type": "demo.add", "scope": "acme"}, "created_by": "\\u0000"}',
        422,
        "invalid_input",
        ["/created_by"],
    ),
    (
        b'{"job": {"type": "demo.add", "scope": "acme"}, "created_by": "a", "traceparent": "\\u0000"}',
        422,
        "invalid_input",
        ["/traceparent"],
    ),
    (
        b'{"job": {"type": "demo.add", "scope": "acme", "mode": "tracked"}, "created_by": "a"}',
        422,
        "invalid_input",
        ["/job/runner"],
    ),
]


async def test_a_request_over_nats_that_makes_no_sense_gets_a_problem(
    runner: RunnerForTests, bus: Bus, subtests: pytest.Subtests
) -> None:
    for payload, status, code, places in WRONG_REQUESTS:
        with subtests.test(str(payload)):
            with pytest.raises(RequestRefused) as refused:
                await bus.request(CREATE_SUBJECT, Raw(payload=payload), CreateReply)
            problem = refused.value.problem
            assert (problem.status, problem.code, problem.type) == (
                status,
                code,
                f"urn:wayside:problem:{code}",
            )
            assert [error.field for error in problem.errors] == places


async def test_a_job_is_read_and_canceled_over_nats_within_its_scope(
    api: Api, runner: RunnerForTests, bus: Bus
) -> None:
    job = await api.create()
    got = await bus.request(
        contracts.GET_SUBJECT, contracts.GetRequest(scope=SCOPE, job_id=job.id), contracts.JobReply
    )
    assert got.job == job
    other = {"scope": "other", "job_id": job.id}
    for subject, body in (
        (contracts.GET_SUBJECT, contracts.GetRequest.model_validate(other)),
        (contracts.CANCEL_SUBJECT, contracts.CancelRequest.model_validate({**other, "requested_by": "eve"})),
    ):
        with pytest.raises(RequestRefused) as refused:
            await bus.request(subject, body, contracts.JobReply)
        assert refused.value.problem.status == 404


async def test_one_wrong_job_does_not_fail_those_created_beside_it(api: Api, runner: RunnerForTests) -> None:
    bodies = [{"type": TYPE, "scope": SCOPE, "parent_id": UNKNOWN if n == 3 else None} for n in range(8)]
    answers: list[Answer] = await asyncio.gather(*(api.post("/v1/jobs", body) for body in bodies))
    assert [answer.status for answer in answers] == [201, 201, 201, 422, 201, 201, 201, 201]
