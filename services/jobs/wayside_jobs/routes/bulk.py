"""Cancels and retries of many jobs over HTTP."""

from aiohttp import web

from wayside_events.contracts.jobs import BulkBody, BulkReply
from wayside_jobs.domain import errors
from wayside_jobs.routes.parameters import JOBS, IdempotencyHeaders, once, require_one_of
from wayside_jobs.service.repeating import Caller
from wayside_service.auth import Principal, Role
from wayside_service.http import Reply, RouteTable
from wayside_service.tracing import current_traceparent

routes = RouteTable(tags=["jobs"])


@routes.post(
    "/v1/jobs/bulk",
    summary="Cancel or retry many jobs",
    answers={200: BulkReply, 202: BulkReply},
    role=Role.VIEWER,
    errors=[errors.InvalidBulk, errors.InvalidValue, errors.IdempotencyConflict],
)
async def bulk_jobs(
    request: web.Request, principal: Principal, body: BulkBody, headers: IdempotencyHeaders
) -> Reply:
    """Up to 500 jobs at once, with the outcome of each. More: 202 and a job of the type `wayside.jobs.bulk`.

    With `dry_run` nothing is done: how many jobs match, and some of them.
    """
    require_one_of(principal, body.scope, Role.OPERATOR, field="/scope")
    caller = Caller(scope=body.scope, subject=principal.subject, key=headers.idempotency_key)
    answer = await request.app[JOBS].bulk.order(caller, body, traceparent=current_traceparent())
    return once(answer.status, answer.body, is_replay=answer.is_replay)
