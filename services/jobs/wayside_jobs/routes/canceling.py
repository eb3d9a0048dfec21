"""Cancel over HTTP."""

from aiohttp import web

from wayside_events.contracts.jobs import CancelBody, Job
from wayside_events.identifiers import Id
from wayside_jobs.domain import errors
from wayside_jobs.routes.parameters import JOBS, IdempotencyHeaders, once, operator_of
from wayside_service.auth import Principal, Role
from wayside_service.http import Reply, RouteTable

routes = RouteTable(tags=["jobs"])


@routes.post(
    "/v1/jobs/{job_id}/cancel",
    summary="Cancel a job",
    answers={200: Job},
    role=Role.VIEWER,
    errors=[errors.JobNotFound, errors.WrongState, errors.CancelNotSupported, errors.IdempotencyConflict],
)
async def cancel_job(
    request: web.Request,
    principal: Principal,
    job_id: Id,
    body: CancelBody | None,
    headers: IdempotencyHeaders,
) -> Reply:
    """A waiting job is canceled at once; a running one when its runner has stopped, or the grace period is over.

    Unless `cascade` is false, its children are asked to end next, and theirs.
    """
    caller = await operator_of(request, principal, job_id, headers)
    answer = await request.app[JOBS].canceler.cancel(caller, job_id, body or CancelBody())
    return once(answer.status, answer.body, is_replay=answer.is_replay)
