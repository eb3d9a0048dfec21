"""The runner protocol over HTTP, for runners that speak no NATS: the same shapes, claims parked for a shorter time."""

from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import JsonValue

from wayside_events.contracts.jobs import ClaimReply, ClaimRequest, Outcome, ReportReply, ReportRequest
from wayside_events.contracts.problems import FieldError, Problem
from wayside_events.identifiers import Id
from wayside_jobs.domain import errors
from wayside_jobs.domain.reserved import check_claim
from wayside_jobs.routes.parameters import JOBS, require_one_of, sees
from wayside_service.auth import ALL_SCOPES, Principal, Role
from wayside_service.http import Reply, RouteTable
from wayside_service.problems import CONTENT_TYPE, encode_problem

WAIT_LIMIT_MS: Final = 25_000
"""Longer than that no proxy should be asked to be patient."""

routes = RouteTable(tags=["runners"])


@routes.post(
    "/v1/jobs/claim",
    summary="Claim jobs",
    answers={200: ClaimReply},
    role=Role.RUNNER,
    errors=[errors.ReservedName],
)
async def claim_jobs(request: web.Request, principal: Principal, body: ClaimRequest) -> Reply:
    """Waits for work up to `wait_ms`, 25 seconds at most. For runners of all scopes; who leaves is given nothing.

    Registering, creating tracked jobs and reporting are over HTTP too. A cancel is told in the answers to reports.
    """
    require_one_of(principal, ALL_SCOPES, Role.RUNNER)
    check_claim(body)
    patient = body.model_copy(update={"wait_ms": min(body.wait_ms, WAIT_LIMIT_MS)})
    assignments = await request.app[JOBS].handover.claim(patient, lambda: _is_gone(request))
    return Reply(b'{"assignments":[%b]}' % b",".join(assignments))


@routes.post(
    "/v1/jobs/{job_id}/reports",
    summary="Report on a job",
    answers={200: ReportReply},
    role=Role.RUNNER,
    errors=[
        errors.JobNotFound,
        errors.Fenced,
        errors.InvalidReport,
        errors.CancelNotRequested,
        errors.InvalidValue,
        errors.ValueTooLarge,
    ],
)
async def report_on_job(
    request: web.Request, principal: Principal, job_id: Id, body: ReportRequest
) -> Reply | web.Response:
    """One outcome per report, whose `job_id` may be left out. When none was accepted the answer is a problem: the first."""
    jobs = request.app[JOBS]
    scope = await jobs.reader.scope_of(job_id, sees(principal))
    require_one_of(principal, scope, Role.RUNNER)
    reports = tuple(_about(job_id, report, index) for index, report in enumerate(body.reports))
    reply = await jobs.reporter.report(body.model_copy(update={"reports": reports}))
    outcomes: list[dict[str, Any]] = orjson.loads(reply)["outcomes"]
    if any(outcome["outcome"] in (Outcome.ACCEPTED, Outcome.STALE) for outcome in outcomes):
        return Reply(reply)
    return _refused(job_id, outcomes[0])


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _about(job_id: Id, report: JsonValue, index: int) -> JsonValue:
    if not isinstance(report, dict):
        return report
    if report.get("job_id", job_id) != job_id:
        message = f"The path names the job {job_id}, so each report must too."
        error = FieldError(field=f"/reports/{index}/job_id", code="mismatch", message=message)
        raise errors.InvalidReport(message, errors=[error])
    return {**report, "job_id": job_id}


def _refused(job_id: Id, outcome: dict[str, Any]) -> web.Response:
    if outcome["outcome"] == Outcome.FENCED:
        raise errors.Fenced(job_id)
    problem = Problem.model_validate(outcome["problem"])
    return web.Response(status=problem.status, body=encode_problem(problem), content_type=CONTENT_TYPE)
