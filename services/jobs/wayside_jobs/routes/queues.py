"""Queues over HTTP. They belong to all scopes, and so do those who may set something."""

from aiohttp import web

from wayside_events.contracts.jobs import PauseBody, QueueLimits, QueueName, QueueSettings
from wayside_jobs.domain import errors
from wayside_jobs.routes.parameters import JOBS, require_one_of
from wayside_service.auth import ALL_SCOPES, Principal, Role
from wayside_service.http import RouteTable

routes = RouteTable(tags=["queues"])


@routes.put(
    "/v1/queues/{name}",
    summary="Limit a queue",
    answers={200: QueueSettings},
    role=Role.ADMIN,
    errors=[errors.ReservedQueue],
)
async def limit_queue(
    request: web.Request, principal: Principal, name: QueueName, body: QueueLimits
) -> QueueSettings:
    """In place of the limits it had; a queue that nobody knows is made known. Only for admins of all scopes, for all use it."""
    require_one_of(principal, ALL_SCOPES, Role.ADMIN)
    return await request.app[JOBS].queues.limit(name, body, by=principal.subject)


@routes.post(
    "/v1/queues/{name}/pause",
    summary="Pause a queue",
    answers={200: QueueSettings},
    role=Role.OPERATOR,
    errors=[errors.QueueNotFound, errors.ReservedQueue, errors.InvalidValue],
)
async def pause_queue(
    request: web.Request, principal: Principal, name: QueueName, body: PauseBody | None
) -> QueueSettings:
    """From the answer on none of its jobs is given out. Only for operators of all scopes."""
    require_one_of(principal, ALL_SCOPES, Role.OPERATOR)
    reason = body.reason if body else None
    return await request.app[JOBS].queues.pause(name, by=principal.subject, reason=reason)


@routes.post(
    "/v1/queues/{name}/resume",
    summary="Resume a queue",
    answers={200: QueueSettings},
    role=Role.OPERATOR,
    errors=[errors.QueueNotFound, errors.ReservedQueue],
)
async def resume_queue(request: web.Request, principal: Principal, name: QueueName) -> QueueSettings:
    """Its jobs are given out again. Only for operators of all scopes."""
    require_one_of(principal, ALL_SCOPES, Role.OPERATOR)
    return await request.app[JOBS].queues.resume(name, by=principal.subject)
