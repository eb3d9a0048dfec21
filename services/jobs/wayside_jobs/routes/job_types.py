"""The registry of job types over HTTP."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field, TypeAdapter, ValidationError

from wayside_events.contracts.jobs import JobTypeName, JobTypePage, JobTypeSpec
from wayside_events.contracts.problems import FieldError
from wayside_jobs.domain import errors
from wayside_jobs.domain.reserved import check_type
from wayside_jobs.routes.parameters import JOBS, require_one_of
from wayside_service.auth import ALL_SCOPES, Principal, Role
from wayside_service.http import ClosedModel, Reply, RouteTable

routes = RouteTable(tags=["job types"])

_NAME: Final[TypeAdapter[JobTypeName]] = TypeAdapter(JobTypeName)


class JobTypeQuery(ClosedModel):
    """Names a part of the registry."""

    limit: Annotated[int, Field(ge=1, le=200)] = 100
    page: str | None = None


@routes.get(
    "/v1/job-types",
    summary="List job types",
    answers={200: JobTypePage},
    role=Role.VIEWER,
    errors=[errors.InvalidPage],
)
async def list_job_types(request: web.Request, query: JobTypeQuery) -> Reply:
    """By name. Types belong to all scopes."""
    after = "" if query.page is None else _last_name(query.page)
    return Reply(await request.app[JOBS].types.page(after=after, limit=query.limit))


@routes.get(
    "/v1/job-types/{name}",
    summary="Read a job type",
    answers={200: JobTypeSpec},
    role=Role.VIEWER,
    errors=[errors.JobTypeNotFound],
)
async def get_job_type(request: web.Request, name: JobTypeName) -> Reply:
    """As it was registered last."""
    return Reply((await request.app[JOBS].types.specification(name)).encode())


@routes.put(
    "/v1/job-types/{name}",
    summary="Register a job type",
    answers={200: JobTypeSpec},
    role=Role.ADMIN,
    errors=[errors.InvalidJob, errors.ReservedName],
)
async def put_job_type(
    request: web.Request, principal: Principal, name: JobTypeName, body: JobTypeSpec
) -> Reply:
    """The last registration counts, also a worker's. Only for admins of all scopes, for all use the type."""
    require_one_of(principal, ALL_SCOPES, Role.ADMIN)
    if body.name != name:
        message = f"The path names {name}, so the body must too."
        error = FieldError(field="/name", code="mismatch", message=message)
        raise errors.InvalidJob(message, errors=[error])
    check_type(body)
    await request.app[JOBS].types.register(body)
    return Reply((await request.app[JOBS].types.specification(name)).encode())


def _last_name(page: str) -> JobTypeName:
    try:
        return _NAME.validate_python(page)
    except ValidationError:
        raise errors.InvalidPage from None
