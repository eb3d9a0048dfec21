"""The service's own work is its own: others neither register its names nor claim by them."""

from typing import Any

import pytest
from tests.jobs.api import TYPE, Api, RunnerForTests, spec
from tests.jobs.conftest import Connection

from wayside_events.bus import RequestRefused
from wayside_events.contracts.jobs import BULK_QUEUE, BULK_TYPE


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"queues": ["default", BULK_QUEUE]}, "/queues/1"),
        ({"job_types": [TYPE, BULK_TYPE]}, "/job_types/1"),
        ({"job_types": ["wayside.other"]}, "/job_types/0"),
    ],
)
async def test_nobody_else_claims_the_service_s_own_work(
    api: Api, runner: RunnerForTests, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(RequestRefused) as refused:
        await runner.claim(**fields)
    [error] = refused.value.problem.errors
    assert (refused.value.problem.status, error.field, error.code) == (422, field, "reserved")
    claim = {"runner": "r", "queues": ["default"], "job_types": [TYPE], "slots": 1, **fields}
    answer = await api.as_("runs", "runner", scope="*").post("/v1/jobs/claim", claim)
    assert (answer.status, answer.codes) == (422, {field: "reserved"})


@pytest.mark.parametrize(
    ("name", "queue", "field"), [(BULK_TYPE, "default", "name"), ("demo.mine", BULK_QUEUE, "queue")]
)
async def test_nobody_else_registers_its_types_or_fills_its_queue(
    api: Api, runner: RunnerForTests, name: str, queue: str, field: str
) -> None:
    with pytest.raises(RequestRefused) as refused:
        await runner.register(spec(), spec(name, queue=queue))
    [error] = refused.value.problem.errors
    assert (error.field, error.code) == (f"/job_types/1/{field}", "reserved")
    body = {"name": name, "queue": queue}
    answer = await api.as_("root", "admin", scope="*").call("PUT", f"/v1/job-types/{name}", json=body)
    assert (answer.status, answer.codes) == (422, {f"/{field}": "reserved"})


async def test_a_runner_does_not_say_that_it_serves_the_service_s_queue(
    api: Api, connection: Connection
) -> None:
    body = {"runner": "r", "queues": [BULK_QUEUE], "job_types": []}
    answer = await api.as_("root", "admin", scope="*").post("/v1/workers", body)
    assert (answer.status, answer.codes) == (422, {"/queues/0": "reserved"})
    assert await connection.fetchval("SELECT count(*) FROM runners WHERE name = 'r'") == 0
