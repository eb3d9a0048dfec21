"""Every limit of every route: what is over it is refused, its field is named, and nothing changes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.conftest import PostgresForTests
from tests.jobs.api import SCOPE, TYPE
from tests.jobs.stage import LINE, UNKNOWN, Stage, staged

from wayside_events.contracts.jobs import Outcome
from wayside_jobs.routes import ROUTES

pytestmark = pytest.mark.asyncio(loop_scope="module")

LARGE = "x" * 300_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    postgres_server: PostgresForTests, jobs_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(postgres_server, jobs_template, tmp_path_factory.mktemp("nats")) as stage:
        yield stage


NAMES = [f"n{number}" for number in range(600)]
JOB = {"type": TYPE, "scope": SCOPE}
CLAIM = {"runner": "r", "queues": ["q"], "job_types": [TYPE], "slots": 1}
WORKER = {"runner": "r"}

LIMITS: list[tuple[str, Any, int, str]] = [
    ("POST /v1/jobs", {**JOB, "input": LARGE}, 413, "/input"),
    ("POST /v1/jobs", {**JOB, "priority": 10}, 422, "/priority"),
    ("POST /v1/jobs", {**JOB, "priority": -1}, 422, "/priority"),
    ("POST /v1/jobs", {**JOB, "max_attempts": 101}, 422, "/max_attempts"),
    ("POST /v1/jobs", {**JOB, "max_attempts": 0}, 422, "/max_attempts"),
    ("POST /v1/jobs", {**JOB, "timeout_seconds": 0}, 422, "/timeout_seconds"),
    ("POST /v1/jobs", {**JOB, "timeout_seconds": 31 * 86_400}, 422, "/timeout_seconds"),
    ("POST /v1/jobs", {**JOB, "ttl_seconds": 11 * 366 * 86_400}, 422, "/ttl_seconds"),
    ("POST /v1/jobs", {**JOB, "unique_key": "k" * 201}, 422, "/unique_key"),
    ("POST /v1/jobs", {**JOB, "unique_key": ""}, 422, "/unique_key"),
    ("POST /v1/jobs", {**JOB, "session_id": "s" * 201}, 422, "/session_id"),
    ("POST /v1/jobs", {**JOB, "origin": "o" * 201}, 422, "/origin"),
    ("POST /v1/jobs", {**JOB, "related": {"type": "t" * 101, "id": "i"}}, 422, "/related/type"),
    ("POST /v1/jobs", {**JOB, "related": {"type": "t", "id": "i" * 201}}, 422, "/related/id"),
    ("POST /v1/jobs", {**JOB, "queue": "q" * 64}, 422, "/queue"),
    ("POST /v1/jobs", {**JOB, "type": "t" * 101}, 422, "/type"),
    ("POST /v1/jobs", {**JOB, "scope": "s" * 64}, 422, "/scope"),
    ("POST /v1/jobs/batch", {"jobs": []}, 422, "/jobs"),
    ("POST /v1/jobs/batch", {"jobs": [JOB] * 1_001}, 422, "/jobs"),
    ("POST /v1/jobs/bulk", {"scope": SCOPE, "action": "cancel", "job_ids": []}, 422, "/job_ids"),
    (
        "POST /v1/jobs/bulk",
        {"scope": SCOPE, "action": "cancel", "job_ids": [UNKNOWN] * 1_001},
        422,
        "/job_ids",
    ),
    (
        "POST /v1/jobs/bulk",
        {"scope": SCOPE, "action": "cancel", "job_ids": [UNKNOWN], "reason": "r" * 1_001},
        422,
        "/reason",
    ),
    ("POST /v1/jobs/claim", {**CLAIM, "slots": 0}, 422, "/slots"),
    ("POST /v1/jobs/claim", {**CLAIM, "slots": 1_001}, 422, "/slots"),
    ("POST /v1/jobs/claim", {**CLAIM, "wait_ms": 60_001}, 422, "/wait_ms"),
    ("POST /v1/jobs/claim", {**CLAIM, "queues": []}, 422, "/queues"),
    ("POST /v1/jobs/claim", {**CLAIM, "queues": NAMES[:51]}, 422, "/queues"),
    ("POST /v1/jobs/claim", {**CLAIM, "job_types": NAMES[:501]}, 422, "/job_types"),
    ("POST /v1/jobs/{job_id}/cancel", {"reason": "r" * 1_001}, 422, "/reason"),
    ("POST /v1/jobs/{job_id}/reports", {"runner": "r", "reports": []}, 422, "/reports"),
    ("POST /v1/jobs/{job_id}/reports", {"runner": "r", "reports": [1] * 1_001}, 422, "/reports"),
    ("POST /v1/workers", {**WORKER, "slots": 10_001}, 422, "/slots"),
    ("POST /v1/workers", {**WORKER, "slots": 0}, 422, "/slots"),
    ("POST /v1/workers", {**WORKER, "hostname": "h" * 256}, 422, "/hostname"),
    ("POST /v1/workers", {**WORKER, "version": "v" * 101}, 422, "/version"),
    ("POST /v1/workers", {**WORKER, "pid": 2**31}, 422, "/pid"),
    ("POST /v1/workers", {**WORKER, "queues": NAMES[:51]}, 422, "/queues"),
    (
        "POST /v1/workers",
        {**WORKER, "job_types": [{"name": name} for name in NAMES[:501]]},
        422,
        "/job_types",
    ),
    ("POST /v1/workers/{name}/beat", {"slots": 10_001}, 422, "/slots"),
    ("POST /v1/workers/{name}/beat", {"running": 100_001}, 422, "/running"),
    ("PUT /v1/queues/{name}", {"concurrency_limit": 0}, 422, "/concurrency_limit"),
    ("PUT /v1/queues/{name}", {"concurrency_limit": 100_001}, 422, "/concurrency_limit"),
    ("PUT /v1/queues/{name}", {"concurrency_limit_per_scope": 0}, 422, "/concurrency_limit_per_scope"),
    ("POST /v1/queues/{name}/pause", {"reason": "r" * 1_001}, 422, "/reason"),
    ("PUT /v1/job-types/{name}", {"name": "n", "max_attempts": 101}, 422, "/max_attempts"),
    ("PUT /v1/job-types/{name}", {"name": "n", "lease_seconds": 0.5}, 422, "/lease_seconds"),
    ("PUT /v1/job-types/{name}", {"name": "n", "label": "l" * 101}, 422, "/label"),
    ("PUT /v1/job-types/{name}", {"name": "n", "phases": NAMES[:51]}, 422, "/phases"),
    ("PUT /v1/job-types/{name}", {"name": "n", "input_schema": {"title": LARGE}}, 413, "/"),
]


@pytest.mark.parametrize(
    ("route", "body", "status", "field"),
    LIMITS,
    ids=[f"{r} {f} {n}" for n, (r, _, _, f) in enumerate(LIMITS)],
)
async def test_what_is_over_a_limit_is_refused_and_named(
    stage: Stage, route: str, body: Any, status: int, field: str
) -> None:
    method, path = route.split(" ")
    job = await stage.api.create() if "{job_id}" in path else None
    named = path.format(job_id=job.id if job else "", name="n")
    answer = await stage.root.call(method, named, json=body)
    assert (answer.status, [*answer.codes][:1]) == (status, [field])
    if job is not None:
        assert await stage.api.job(job.id) == job


REPORT_LIMITS: list[tuple[str, dict[str, Any], int, str]] = [
    ("progress", {"progress": {"percent": 101}}, 422, "/progress/percent"),
    ("progress", {"progress": {"percent": -1}}, 422, "/progress/percent"),
    ("progress", {"progress": {"message": "m" * 2_001}}, 422, "/progress/message"),
    ("progress", {"progress": {"phase": "p" * 201}}, 422, "/progress/phase"),
    ("progress", {"progress": {"unit": "u" * 51}}, 422, "/progress/unit"),
    ("progress", {"progress": {}, "partial": LARGE}, 413, "/partial"),
    ("complete", {"result": LARGE}, 413, "/result"),
    ("complete", {"metrics": {"m": LARGE}}, 413, "/metrics"),
    ("fail", {"error": {"code": "c" * 101, "message": "m"}}, 422, "/error/code"),
    ("fail", {"error": {"code": "c", "message": "m" * 10_001}}, 422, "/error/message"),
    ("fail", {"error": {"code": "c", "message": "m", "details": {"d": LARGE}}}, 413, "/error"),
    ("log", {"entries": []}, 422, "/entries"),
    ("log", {"entries": [LINE] * 1_001}, 422, "/entries"),
    ("log", {"entries": [{**LINE, "message": "m" * 16_000}] * 20}, 413, "/entries"),
    ("heartbeat", {"seq": 0}, 422, "/seq"),
    ("heartbeat", {"seq": 2**63}, 422, "/seq"),
    ("heartbeat", {"attempt": 0}, 422, "/attempt"),
    ("heartbeat", {"token": "t" * 101}, 422, "/token"),
]


@pytest.mark.parametrize(
    ("kind", "fields", "status", "field"),
    REPORT_LIMITS,
    ids=[f"{k} {f} {n}" for n, (k, _, _, f) in enumerate(REPORT_LIMITS)],
)
async def test_a_report_over_a_limit_is_refused_and_the_job_goes_on(
    stage: Stage, kind: str, fields: dict[str, Any], status: int, field: str
) -> None:
    job, assignment = await stage.in_state("running")
    assert assignment is not None
    answer = await stage.report(assignment, kind, **fields)
    assert (answer.status, [*answer.codes][:1]) == (status, [f"/reports/0{field}"])
    [over_nats] = await stage.runner.send(stage.runner.said(assignment, kind, **fields))
    assert over_nats.outcome is Outcome.INVALID
    assert await stage.api.job(job.id) == job
    assert (await stage.runner.report(assignment, "complete")).outcome is Outcome.ACCEPTED


LISTS = [route.path for route in ROUTES if route.method == "GET" and route.path[-1] != "}"]


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_has_a_limit_and_knows_its_pages(stage: Stage, path: str) -> None:
    job = await stage.api.create()
    for query, field in (
        ("limit=1001", "?limit"),
        ("limit=0", "?limit"),
        ("page=%20", "?page"),
        ("colour=1", "?colour"),
    ):
        answer = await stage.api.call("GET", f"{path.format(job_id=job.id)}?{query}")
        assert (answer.status, [*answer.codes]) == (422, [field])


@pytest.mark.parametrize("key", ["", "k" * 201])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/jobs", JOB),
        ("/v1/jobs/batch", {"jobs": [JOB]}),
        ("/v1/jobs/bulk", {"scope": SCOPE, "action": "cancel", "job_ids": [UNKNOWN]}),
        ("/v1/jobs/{job_id}/cancel", {}),
        ("/v1/jobs/{job_id}/retry", None),
    ],
)
async def test_an_idempotency_key_has_a_length(stage: Stage, path: str, body: Any, key: str) -> None:
    job, _ = await stage.queued()
    answer = await stage.api.post(path.format(job_id=job.id), body, headers={"Idempotency-Key": key})
    assert (answer.status, [*answer.codes]) == (422, ["Idempotency-Key"])
    assert await stage.api.job(job.id) == job


async def test_the_tables_name_every_route_that_takes_a_body() -> None:
    """A new route has to say its limits here, or that it has none."""
    named = {route for route, *_ in LIMITS}
    without = {"POST /v1/jobs/{job_id}/retry", "POST /v1/jobs/seen", "POST /v1/queues/{name}/resume"}
    routes = {f"{route.method} {route.path}" for route in ROUTES if route.method != "GET"}
    assert routes == named | without
