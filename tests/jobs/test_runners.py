"""The runner protocol over HTTP, for runners that speak no NATS."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from tests.eventually import eventually
from tests.jobs.api import TYPE, Answer, Api, RunnerForTests, spec
from tests.jobs.conftest import EventLog

from wayside_events.contracts.jobs import Assignment, ClaimReply, ClaimRequest, CreatedJob, ReportReply
from wayside_events.jobs import JobStatus
from wayside_jobs.routes.parameters import JOBS

CLAIM: dict[str, Any] = {"runner": "http-1", "queues": ["default"], "job_types": [TYPE], "slots": 1}


@pytest.fixture
async def runs(api: Api, runner: RunnerForTests) -> Api:
    """The API as a runner of all scopes sees it."""
    return api.as_("http-1", "runner", scope="*")


async def claimed(runs: Api, **fields: Any) -> tuple[Assignment, ...]:
    answer = await runs.post("/v1/jobs/claim", {**CLAIM, **fields})
    assert answer.status == 200, answer.body
    return ClaimReply.model_validate(answer.body).assignments


async def report(runs: Api, assignment: Assignment, *reports: dict[str, Any], **fields: Any) -> Answer:
    said = [
        {"attempt": assignment.attempt, "token": assignment.token, "seq": seq, **fields, **item}
        for seq, item in enumerate(reports, start=1)
    ]
    return await runs.post(f"/v1/jobs/{assignment.job.id}/reports", {"runner": "http-1", "reports": said})


async def parked(api: Api, count: int) -> bool:
    async with api.client.get("/metrics") as response:
        return f"wayside_jobs_claims_parked {count}.0" in await response.text()


async def test_a_job_is_claimed_reported_on_and_completed(api: Api, runs: Api, log: EventLog) -> None:
    job = await api.create(input={"a": 1})
    [assignment] = await claimed(runs)
    assert (assignment.job.id, assignment.job.input) == (job.id, {"a": 1})
    answer = await report(
        runs, assignment, {"kind": "progress", "progress": {"percent": 40}}, {"kind": "complete", "result": 3}
    )
    outcomes = ReportReply.model_validate(answer.body).outcomes
    assert [outcome.outcome.value for outcome in outcomes] == ["accepted", "accepted"]
    assert (await api.job(job.id)).result == 3
    assert await log.has(job.id, "queued", "started", "progress", "completed")


async def test_a_claim_waits_until_there_is_work(api: Api, runs: Api) -> None:
    claim = asyncio.create_task(claimed(runs, wait_ms=60_000))
    assert await eventually(lambda: parked(api, 1))
    job = await api.create()
    assert [item.job.id for item in await asyncio.wait_for(claim, 5)] == [job.id]


async def test_who_leaves_is_given_nothing(api: Api, runs: Api) -> None:
    claim = asyncio.create_task(claimed(runs, wait_ms=60_000))
    assert await eventually(lambda: parked(api, 1))
    claim.cancel()
    with suppress(asyncio.CancelledError):
        await claim
    assert await eventually(lambda: parked(api, 0))
    job = await api.create()
    [assignment] = await claimed(runs, runner="http-2")
    assert (assignment.job.id, assignment.attempt) == (job.id, 1)


async def test_what_nobody_is_there_to_receive_is_taken_back_and_burns_no_attempt(
    api: Api, runs: Api
) -> None:
    job = await api.create(max_attempts=1)
    request = ClaimRequest.model_validate(CLAIM)
    assert await api.client.app[JOBS].handover.claim(request, lambda: True) == []
    [assignment] = await claimed(runs)
    assert (assignment.job.id, assignment.attempt, assignment.job.max_attempts) == (job.id, 2, 2)


async def test_a_claim_that_is_cancelled_gives_back_what_it_was_given(api: Api, runs: Api) -> None:
    handover = api.client.app[JOBS].handover
    claim = asyncio.create_task(
        handover.claim(ClaimRequest.model_validate({**CLAIM, "wait_ms": 60_000}), lambda: False)
    )
    assert await eventually(lambda: parked(api, 1))
    claim.cancel()
    with suppress(asyncio.CancelledError):
        await claim
    assert await parked(api, 0)


async def test_a_tracked_job_is_created_and_ended_over_http(api: Api, log: EventLog, runs: Api) -> None:
    web = api.as_("web", "runner")
    body = {"type": TYPE, "scope": "acme", "mode": "tracked", "runner": "web-1"}
    answer = await web.post("/v1/jobs", body, headers={"Idempotency-Key": "k"})
    created = CreatedJob.model_validate(answer.body)
    assert (answer.status, created.status) == (201, JobStatus.RUNNING)
    assert created.assignment is not None
    again = CreatedJob.model_validate(
        (await web.post("/v1/jobs", body, headers={"Idempotency-Key": "k"})).body
    )
    assert again.assignment is not None
    assert again.assignment.token != created.assignment.token
    assert (await report(web, created.assignment, {"kind": "complete"})).body["code"] == "fenced"
    assert (await report(web, again.assignment, {"kind": "complete"})).status == 200
    assert await log.has(created.id, "started", "completed")


async def test_the_first_problem_is_the_answer_when_nothing_was_accepted(
    api: Api, runs: Api, subtests: pytest.Subtests
) -> None:
    await api.create()
    [assignment] = await claimed(runs)
    wrong: list[Any] = [
        ({"kind": "heartbeat", "token": "another"}, 403, "fenced"),
        ({"kind": "acknowledge_cancel"}, 409, "cancel_not_requested"),
        ({"kind": "dance"}, 422, "invalid_input"),
        ({"kind": "complete", "result": "x" * 300_000}, 413, "too_large"),
        ({"kind": "heartbeat", "job_id": "0198f000-0000-7000-8000-000000000001"}, 422, "invalid_input"),
        ({"kind": "complete", "result": "\0"}, 422, "invalid_input"),
    ]
    for fields, status, code in wrong:
        with subtests.test(code):
            answer = await report(runs, assignment, fields)
            assert (answer.status, answer.body["code"]) == (status, code)
    mixed = await report(runs, assignment, {"kind": "dance"}, {"kind": "heartbeat"})
    assert [item["outcome"] for item in mixed.body["outcomes"]] == ["invalid", "accepted"]
    assert (await api.job(assignment.job.id)).status is JobStatus.RUNNING


async def test_over_http_a_runner_acts_only_where_it_may(api: Api, runs: Api, runner: RunnerForTests) -> None:
    job = await api.create()
    assert (await api.as_("w", "runner").post("/v1/jobs/claim", CLAIM)).status == 403
    [assignment] = await claimed(runs)
    heartbeat = {"kind": "heartbeat"}
    for caller, status in (
        (api.as_("w", "runner", scope="other"), 404),
        (api.as_("w", "operator"), 403),
        (api.as_("w", "runner"), 200),
    ):
        assert (await report(caller, assignment, heartbeat)).status == status
    tracked = {"type": TYPE, "scope": "acme", "mode": "tracked", "runner": "web-1"}
    assert (await api.as_("o", "operator").post("/v1/jobs", tracked)).status == 403
    unknown = job.id[:-4] + "ffff"
    assert (await runs.post(f"/v1/jobs/{unknown}/reports", {"runner": "r", "reports": [{}]})).status == 404


async def test_a_claim_that_makes_no_sense_is_refused(runs: Api, subtests: pytest.Subtests) -> None:
    wrong: list[dict[str, Any]] = [
        {"slots": 0},
        {"queues": []},
        {"wait_ms": -1},
        {"job_types": ["Ä"]},
        {"x": 1},
    ]
    for fields in wrong:
        with subtests.test(str(fields)):
            answer = await runs.post("/v1/jobs/claim", {**CLAIM, **fields})
            assert answer.status == 422
            assert next(iter(answer.codes)).startswith("/" + next(iter(fields)))


async def test_a_token_is_neither_logged_nor_kept(
    api: Api, runs: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    await runs.post("/v1/workers", {"runner": "http-1", "job_types": [spec().model_dump(mode="json")]})
    await api.create()
    [assignment] = await claimed(runs)
    await report(runs, assignment, {"kind": "acknowledge_cancel"})
    await report(runs, assignment, {"kind": "dance", "token": assignment.token * 9})
    assert assignment.token not in "".join(capsys.readouterr())
