"""Jobs over HTTP."""

from http import HTTPStatus

import orjson
from aiohttp import web
from pydantic import Field

from wayside_events.contracts.jobs import (
    CreatedJob,
    Job,
    JobCreate,
    JobPage,
    JobTypeName,
)
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id
from wayside_events.jobs import JobMode, JobStatus
from wayside_jobs.domain import errors
from wayside_jobs.domain.creation import Origin
from wayside_jobs.domain.wanted import Wanted
from wayside_jobs.routes.parameters import (
    JOBS,
    IdempotencyHeaders,
    NameFilter,
    ScopeQuery,
    once,
    require_one_of,
    scope_of,
    sees,
)
from wayside_jobs.service.creations import Created
from wayside_service.auth import Principal, Role
from wayside_service.http import Reply, RouteTable
from wayside_service.tracing import current_traceparent

routes = RouteTable(tags=["jobs"])


class JobQuery(ScopeQuery):
    """Filters of jobs; they hold together. `created_after` is inclusive, `created_before` is not.

    `q` finds jobs of which the text is the id, session, related id, unique key or creator, or part of the type's name (of
    the first five such types).
    """

    status: list[JobStatus] = Field(default_factory=list)
    type: JobTypeName | None = None
    session_id: NameFilter | None = None
    parent_id: Id | None = None
    root_id: Id | None = None
    related_type: NameFilter | None = None
    related_id: NameFilter | None = None
    created_by: NameFilter | None = None
    created_after: Timestamp | None = None
    created_before: Timestamp | None = None
    q: NameFilter | None = None


@routes.post(
    "/v1/jobs",
    summary="Create a job",
    answers={201: CreatedJob, 200: CreatedJob},
    role=Role.VIEWER,
    errors=[
        errors.UnknownJobType,
        errors.UnknownParent,
        errors.ParentEnded,
        errors.InvalidJob,
        errors.ReservedName,
        errors.InvalidValue,
        errors.ValueTooLarge,
        errors.IdempotencyConflict,
    ],
)
async def create_job(
    request: web.Request, principal: Principal, body: JobCreate, headers: IdempotencyHeaders
) -> Reply:
    """200 and the job that is there, when it has the unique key and is active, or is of the unique period."""
    roles = (Role.RUNNER,) if body.mode is JobMode.TRACKED else (Role.OPERATOR, Role.RUNNER)
    require_one_of(principal, body.scope, *roles, field="/scope")
    origin = Origin(created_by=principal.subject, traceparent=current_traceparent())
    created = await request.app[JOBS].creator.create(body, origin, headers.idempotency_key)
    status = HTTPStatus.CREATED if created.is_new else HTTPStatus.OK
    return once(status, _with_assignment(created), is_replay=created.is_replay)


@routes.get(
    "/v1/jobs",
    summary="List jobs",
    answers={200: JobPage},
    role=Role.VIEWER,
    errors=[errors.InvalidPage, errors.InvalidFilter],
)
async def list_jobs(request: web.Request, principal: Principal, query: JobQuery) -> Reply:
    """The newest first, without input, partial and result.

    A page may have few jobs, or none, and a `next_page` all the same: looking through many jobs for a rare one goes on there.
    """
    if (query.related_type is None) != (query.related_id is None):
        raise _half_a_relation(query)
    filters = query.model_dump(exclude={"scope", "limit", "page", "status", "q"})
    statuses = tuple(dict.fromkeys(query.status))
    wanted = Wanted(scope=scope_of(query, principal), statuses=statuses, **filters)
    reader = request.app[JOBS].reader
    return Reply(await reader.page(wanted, page=query.page, limit=query.limit, text=query.q))


@routes.get(
    "/v1/jobs/{job_id}",
    summary="Read a job",
    answers={200: Job},
    role=Role.VIEWER,
    errors=[errors.JobNotFound],
)
async def get_job(request: web.Request, principal: Principal, job_id: Id) -> Reply:
    """As it is now."""
    return Reply(await request.app[JOBS].reader.get(job_id, sees(principal)))


def _half_a_relation(query: JobQuery) -> errors.InvalidFilter:
    return errors.InvalidFilter(
        "?related_type" if query.related_type is None else "?related_id",
        "related_type and related_id go together.",
    )


def _with_assignment(created: Created) -> bytes:
    """Write `contracts.jobs.CreatedJob`: the token of a tracked job is in this answer, and kept nowhere."""
    if created.assignment is None:
        return created.document
    return created.document[:-1] + b',"assignment":%b}' % orjson.dumps(created.assignment)
