"""Retries over HTTP."""

from aiohttp import web

from wayside_events.contracts.jobs import Job
from wayside_events.identifiers import Id
from wayside_jobs.domain import errors
from wayside_jobs.routes.parameters import JOBS, IdempotencyHeaders, once, operator_of
from wayside_service.auth import Principal, Role
from wayside_service.http import Reply, RouteTable
from wayside_service.tracing import current_traceparent

routes = RouteTable(tags=["jobs"])


@routes.post(
    "/v1/jobs/{job_id}/retry",
    summary="Retry a job",
    answers={201: Job, 200: Job},
    role=Role.VIEWER,
    errors=[
        errors.JobNotFound,
        errors.WrongState,
        errors.RetryNotSupported,
        errors.InvalidJob,
        errors.IdempotencyConflict,
    ],
)
async def retry_job(
    request: web.Request, principal: Principal, job_id: Id, headers: IdempotencyHeaders
) -> Reply:
    """A new job like one that has ended, linked by `retry_of`; 200 and the retry that is active, if there is one.

    Likewise 200 and the active job that has its `unique_key`, whose `retry_of` may be another.

    It has the same parent while that is active, and none otherwise.
    """
    caller = await operator_of(request, principal, job_id, headers)
    answer = await request.app[JOBS].retrier.retry(caller, job_id, traceparent=current_traceparent())
    return once(answer.status, answer.body, is_replay=answer.is_replay)
