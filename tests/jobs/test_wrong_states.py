"""Every verb in every state, false tokens, and ids that are unknown or of another scope."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from pydantic import BaseModel
from tests.conftest import PostgresForTests
from tests.jobs.api import SCOPE, TYPE, Answer
from tests.jobs.stage import ERROR, LINE, UNKNOWN, Stage, staged

from wayside_events.bus import RequestRefused
from wayside_events.contracts.jobs import (
    CANCEL_SUBJECT,
    GET_SUBJECT,
    RETRY_SUBJECT,
    CancelRequest,
    GetRequest,
    Job,
    JobReply,
    Outcome,
    RetryRequest,
)
from wayside_jobs.routes import ROUTES

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    postgres_server: PostgresForTests, jobs_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(postgres_server, jobs_template, tmp_path_factory.mktemp("nats")) as stage:
        yield stage


STATES = (
    "queued",
    "scheduled",
    "running",
    "tracked",
    "canceling",
    "released",
    "completed",
    "failed",
    "canceled",
)
ENDED = ("completed", "failed", "canceled")
STATUS_OF = {"scheduled": "queued", "released": "queued", "tracked": "running", "canceling": "running"}


async def refused(answer: Answer, code: str, stage: Stage, job: Job) -> None:
    """A conflict says the current state, and changes nothing."""
    expected = {"status": job.status, "revision": job.revision}
    assert (answer.status, answer.body["code"], answer.body["current"]) == (409, code, expected)
    assert await stage.api.job(job.id) == job


@pytest.mark.parametrize("state", STATES)
async def test_a_job_is_canceled_unless_it_has_ended(stage: Stage, state: str) -> None:
    job, _ = await stage.in_state(state)
    assert job.status == STATUS_OF.get(state, state)
    answer = await stage.api.cancel(job.id)
    if state in ENDED:
        await refused(answer, "wrong_state", stage, job)
    else:
        assert (answer.status, answer.body["cancel"]["requested_by"]) == (200, "ada")


@pytest.mark.parametrize("state", STATES)
async def test_a_job_is_retried_only_when_it_has_ended(stage: Stage, state: str) -> None:
    job, _ = await stage.in_state(state)
    answer = await stage.api.post(f"/v1/jobs/{job.id}/retry")
    if state in ENDED:
        assert (answer.status, answer.body["retry_of"]) == (201, job.id)
    else:
        code = "retry_not_supported" if state == "tracked" else "wrong_state"
        await refused(answer, code, stage, job)


@pytest.mark.parametrize("state", STATES)
async def test_a_child_is_refused_when_its_parent_ends(stage: Stage, state: str) -> None:
    job, _ = await stage.in_state(state)
    answer = await stage.api.post("/v1/jobs", {"type": TYPE, "scope": SCOPE, "parent_id": job.id})
    if state in (*ENDED, "canceling"):
        await refused(answer, "parent_ended", stage, job)
    else:
        assert answer.status == 201


REPORTS: dict[str, dict[str, Any]] = {
    "progress": {"progress": {"percent": 50}},
    "log": {"entries": [LINE]},
    "heartbeat": {},
    "complete": {"result": 1},
    "fail": {"error": ERROR},
    "release": {},
    "acknowledge_cancel": {},
}


@pytest.mark.parametrize("state", ["running", "tracked", "canceling", "released", *ENDED])
@pytest.mark.parametrize("kind", REPORTS)
async def test_a_report_is_accepted_of_who_runs_the_job_and_fenced_when_the_attempt_is_over(
    stage: Stage, kind: str, state: str
) -> None:
    job, assignment = await stage.in_state(state)
    assert assignment is not None
    answer = await stage.report(assignment, kind, **REPORTS[kind])
    if state in (*ENDED, "released"):
        assert (answer.status, answer.body["code"]) == (403, "fenced")
        assert await stage.api.job(job.id) == job
    elif kind == "acknowledge_cancel" and state != "canceling":
        await refused(answer, "cancel_not_requested", stage, job)
    else:
        [outcome] = answer.body["outcomes"]
        assert (answer.status, outcome["outcome"]) == (200, "accepted")


@pytest.mark.parametrize("state", STATES)
async def test_a_report_with_a_false_token_or_attempt_is_fenced(stage: Stage, state: str) -> None:
    job, assignment = await stage.in_state(state)
    mine: dict[str, Any] = {"job_id": job.id, "attempt": 1, "token": "x" * 32, "seq": 99}
    if assignment is not None:
        mine |= {"attempt": assignment.attempt, "token": assignment.token}
    wrongs: list[dict[str, Any]] = [{"token": "y" * 32}, {"attempt": 2}, {"attempt": 2**31}]
    reports = [{"kind": kind, **said, **mine, **wrong} for kind, said in REPORTS.items() for wrong in wrongs]
    assert {answer.outcome for answer in await stage.runner.send(*reports)} == {Outcome.FENCED}
    for report in reports:
        body = {"runner": "r", "reports": [report]}
        answer = await stage.api.post(f"/v1/jobs/{job.id}/reports", body)
        assert (answer.status, answer.body["code"]) == (403, "fenced")
    assert await stage.api.job(job.id) == job


@pytest.mark.parametrize("state", ENDED)
async def test_other_services_are_told_the_current_state_too(stage: Stage, state: str) -> None:
    job, _ = await stage.in_state(state)
    request = CancelRequest(scope=job.scope, job_id=job.id, requested_by="importer")
    with pytest.raises(RequestRefused) as canceled:
        await stage.runner.bus.request(CANCEL_SUBJECT, request, JobReply)
    problem = canceled.value.problem
    expected = {"status": state, "revision": job.revision}
    assert (problem.status, problem.code, problem.current) == (409, "wrong_state", expected)


# Unknown ids, and those of others


BODIES: dict[str, Any] = {
    "POST /v1/jobs/{job_id}/cancel": {},
    "POST /v1/jobs/{job_id}/retry": None,
    "POST /v1/jobs/{job_id}/reports": {
        "runner": "r",
        "reports": [{"kind": "heartbeat", "attempt": 1, "token": "t", "seq": 1}],
    },
}
OF_A_JOB = [(route.method, route.path) for route in ROUTES if "{job_id}" in route.path]


@pytest.mark.parametrize(("method", "path"), OF_A_JOB)
async def test_what_is_unknown_or_of_another_scope_is_not_there(
    stage: Stage, subtests: pytest.Subtests, method: str, path: str
) -> None:
    job, _ = await stage.queued()
    stranger = stage.api.as_("eve", "admin", scope="other")
    options = {"json": BODIES[f"{method} {path}"]} if method != "GET" else {}
    for who, job_id in ((stage.api, UNKNOWN), (stage.root, UNKNOWN), (stranger, job.id)):
        with subtests.test(who.subject):
            answer = await who.call(method, path.format(job_id=job_id), **options)
            assert (answer.status, answer.body["code"]) == (404, "not_found")
            assert job_id in answer.body["detail"]
    assert await stage.api.job(job.id) == job


@pytest.mark.parametrize(("method", "path"), OF_A_JOB)
@pytest.mark.parametrize("job_id", ["7", "not-an-id", UNKNOWN.upper() + "0", "%00"])
async def test_what_is_no_id_is_refused(stage: Stage, method: str, path: str, job_id: str) -> None:
    options = {"json": BODIES[f"{method} {path}"]} if method != "GET" else {}
    answer = await stage.root.call(method, path.format(job_id=job_id), **options)
    assert (answer.status, [*answer.codes]) == (422, ["{job_id}"])


async def test_a_type_and_a_parent_nobody_knows_are_not_there(stage: Stage) -> None:
    assert (await stage.api.get("/v1/job-types/nothing")).status == 404
    foreign = await stage.api.as_("eve", "admin", scope="other").create()
    for parent_id in (UNKNOWN, foreign.id):
        answer = await stage.api.post("/v1/jobs", {"type": TYPE, "scope": SCOPE, "parent_id": parent_id})
        assert (answer.status, answer.codes) == (422, {"/parent_id": "unknown_parent"})


async def test_in_bulk_what_is_not_there_is_said_of_each(stage: Stage) -> None:
    foreign = await stage.api.as_("eve", "admin", scope="other").create()
    done, _ = await stage.completed()
    ids = [UNKNOWN, foreign.id, done.id]
    answer = await stage.api.post("/v1/jobs/bulk", {"scope": SCOPE, "action": "cancel", "job_ids": ids})
    outcomes = {item["job_id"]: item["outcome"] for item in answer.body["items"]}
    assert outcomes == {UNKNOWN: "not_found", foreign.id: "not_found", done.id: "skipped"}


@pytest.mark.parametrize(
    ("subject", "model", "fields"),
    [
        (GET_SUBJECT, GetRequest, {}),
        (CANCEL_SUBJECT, CancelRequest, {"requested_by": "x"}),
        (RETRY_SUBJECT, RetryRequest, {"requested_by": "x"}),
    ],
)
async def test_over_nats_what_is_unknown_or_of_another_scope_is_not_there(
    stage: Stage, subject: str, model: type[BaseModel], fields: dict[str, str]
) -> None:
    foreign = await stage.api.as_("eve", "admin", scope="other").create()
    for job_id in (UNKNOWN, foreign.id):
        request = model.model_validate({"scope": SCOPE, "job_id": job_id, **fields})
        with pytest.raises(RequestRefused) as refusal:
            await stage.runner.bus.request(subject, request, JobReply)
        assert (refusal.value.problem.status, refusal.value.problem.code) == (404, "not_found")
