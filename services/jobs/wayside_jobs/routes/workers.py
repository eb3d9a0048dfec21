"""Runners over HTTP: who there is, and, for those that speak no NATS, registering and saying that they live."""

from typing import Final

from aiohttp import web
from pydantic import Field, TypeAdapter, ValidationError

from wayside_events.contracts.jobs import (
    BeatBody,
    BeatReply,
    JobTypeName,
    QueueName,
    RegisterReply,
    RegisterRequest,
    WorkerPage,
    WorkerStatus,
)
from wayside_events.identifiers import Runner
from wayside_jobs.domain import errors
from wayside_jobs.routes.parameters import JOBS, PageQuery, require_one_of, visible_scopes
from wayside_jobs.service.runners import wanted_runners
from wayside_service.auth import ALL_SCOPES, Principal, Role
from wayside_service.http import RouteTable

routes = RouteTable(tags=["workers"])

_NAME: Final[TypeAdapter[Runner]] = TypeAdapter(Runner)


class WorkerQuery(PageQuery):
    """Filters of runners; they hold together."""

    status: list[WorkerStatus] = Field(default_factory=list)
    queue: QueueName | None = None
    job_type: JobTypeName | None = None


@routes.get(
    "/v1/workers",
    summary="List workers",
    answers={200: WorkerPage},
    role=Role.VIEWER,
    errors=[errors.InvalidPage],
)
async def list_workers(request: web.Request, principal: Principal, query: WorkerQuery) -> WorkerPage:
    """By name, also those that stopped or fell silent, for a day. Of their jobs only those the caller may see.

    Host, process, version and load are shown to who may see all scopes.
    """
    wanted = wanted_runners(query.status, queue=query.queue, job_type=query.job_type)
    return await request.app[JOBS].workers.page(
        wanted,
        scopes=visible_scopes(principal),
        after="" if query.page is None else _last_name(query.page),
        limit=query.limit,
    )


@routes.post(
    "/v1/workers",
    summary="Register a worker",
    answers={200: RegisterReply},
    role=Role.RUNNER,
    errors=[errors.InvalidJob, errors.ReservedName, errors.InvalidValue, errors.ValueTooLarge],
)
async def register_worker(request: web.Request, principal: Principal, body: RegisterRequest) -> RegisterReply:
    """With the job types it serves; the last registration counts. For runners of all scopes: types belong to all."""
    require_one_of(principal, ALL_SCOPES, Role.RUNNER)
    return await request.app[JOBS].workers.register(body)


@routes.post(
    "/v1/workers/{name}/beat",
    summary="Say that a worker lives",
    answers={200: BeatReply},
    role=Role.RUNNER,
)
async def beat_worker(request: web.Request, principal: Principal, name: Runner, body: BeatBody) -> BeatReply:
    """Every `beat_seconds`, and once with `stopped`. It extends no lease."""
    require_one_of(principal, ALL_SCOPES, Role.RUNNER)
    return await request.app[JOBS].workers.beat(name, body)


def _last_name(page: str) -> str:
    try:
        return _NAME.validate_python(page)
    except ValidationError:
        raise errors.InvalidPage from None
