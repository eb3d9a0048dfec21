"""Batches of jobs over HTTP."""

from aiohttp import web

from wayside_events.contracts.jobs import BatchBody, CreateManyReply
from wayside_jobs.domain import errors
from wayside_jobs.domain.creation import Origin
from wayside_jobs.routes.parameters import JOBS, IdempotencyHeaders
from wayside_jobs.service.batching import Orderer
from wayside_service.auth import Principal, Role
from wayside_service.http import Reply, RouteTable
from wayside_service.tracing import current_traceparent

routes = RouteTable(tags=["jobs"])


@routes.post(
    "/v1/jobs/batch",
    summary="Create many jobs",
    answers={200: CreateManyReply},
    role=Role.VIEWER,
    errors=[errors.InvalidValue],
)
async def create_batch(
    request: web.Request, principal: Principal, body: BatchBody, headers: IdempotencyHeaders
) -> Reply:
    """At most 1,000; one that is refused does not stop the others, so look at each outcome.

    An `Idempotency-Key` stands for a key per job: itself, `/` and the job's place in the batch.
    """
    orderer = Orderer(
        origin=Origin(created_by=principal.subject, traceparent=current_traceparent()),
        idempotency_key=headers.idempotency_key,
        may_create=lambda scope: principal.may(Role.OPERATOR, scope) or principal.may(Role.RUNNER, scope),
    )
    return Reply(await request.app[JOBS].batches.create(body.jobs, orderer))
