"""Jobs over HTTP."""

import re
from collections.abc import Callable
from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from wayside_events.contracts.jobs import (
    CancelBody,
    Job,
    JobCreate,
    JobLogPage,
    JobPage,
    JobTypeName,
)
from wayside_events.contracts.problems import FieldError
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id
from wayside_events.jobs import JobMode, JobStatus
from wayside_jobs.domain import errors
from wayside_jobs.domain.creation import Origin
from wayside_jobs.domain.wanted import Wanted
from wayside_jobs.routes.parameters import JOBS, IdempotencyHeaders, ScopeQuery, require_one_of, scope_of
from wayside_service.auth import Principal, Role
from wayside_service.http import ClosedModel, Reply, RouteTable
from wayside_service.tracing import current_traceparent

_NAME = Annotated[str, Field(min_length=1, max_length=200)]
_ENTRY_NUMBER: Final = re.compile(r"[0-9]{1,18}")

routes = RouteTable(tags=["jobs"])


class LogQuery(ClosedModel):
    """Names a part of a log."""

    limit: Annotated[int, Field(ge=1, le=1_000)] = 200
    page: str | None = None


class JobQuery(ScopeQuery):
    """Filters of jobs; they hold together. `created_after` is inclusive, `created_before` is not."""

    status: list[JobStatus] = Field(default_factory=list)
    type: JobTypeName | None = None
    session_id: _NAME | None = None
    parent_id: Id | None = None
    root_id: Id | None = None
    related_type: _NAME | None = None
    related_id: _NAME | None = None
    created_by: _NAME | None = None
    created_after: Timestamp | None = None
    created_before: Timestamp | None = None


@routes.post(
    "/v1/jobs",
    summary="Create a job",
    answers={201: Job, 200: Job},
    role=Role.VIEWER,
    errors=[
        errors.UnknownJobType,
        errors.UnknownParent,
        errors.ParentEnded,
        errors.InvalidJob,
        errors.InvalidValue,
        errors.ValueTooLarge,
        errors.IdempotencyConflict,
    ],
)
async def create_job(
    request: web.Request, principal: Principal, body: JobCreate, headers: IdempotencyHeaders
) -> Reply:
    """200 and the existing job, when it has the idempotency key or, while it is active, the unique key."""
    require_one_of(principal, body.scope, Role.OPERATOR, Role.RUNNER, field="/scope")
    if body.mode is JobMode.TRACKED:
        raise _tracked_over_http()
    origin = Origin(created_by=principal.subject, traceparent=current_traceparent())
    created = await request.app[JOBS].creator.create(body, origin, headers.idempotency_key)
    return Reply(created.document, status=201 if created.is_new else 200)


@routes.get(
    "/v1/jobs",
    summary="List jobs",
    answers={200: JobPage},
    role=Role.VIEWER,
    errors=[errors.InvalidPage, errors.InvalidFilter],
)
async def list_jobs(request: web.Request, principal: Principal, query: JobQuery) -> Reply:
    """The newest first, without input, partial and result."""
    if (query.related_type is None) != (query.related_id is None):
        raise _half_a_relation(query)
    filters = query.model_dump(exclude={"scope", "limit", "page", "status"})
    statuses = tuple(dict.fromkeys(query.status))
    wanted = Wanted(scope=scope_of(query, principal), statuses=statuses, **filters)
    return Reply(await request.app[JOBS].reader.page(wanted, page=query.page, limit=query.limit))


@routes.get(
    "/v1/jobs/{job_id}",
    summary="Read a job",
    answers={200: Job},
    role=Role.VIEWER,
    errors=[errors.JobNotFound],
)
async def get_job(request: web.Request, principal: Principal, job_id: Id) -> Reply:
    """As it is now."""
    return Reply(await request.app[JOBS].reader.get(job_id, _sees(principal)))


@routes.get(
    "/v1/jobs/{job_id}/logs",
    summary="Read the log of a job",
    answers={200: JobLogPage},
    role=Role.VIEWER,
    errors=[errors.JobNotFound, errors.InvalidPage],
)
async def get_job_logs(request: web.Request, principal: Principal, job_id: Id, query: LogQuery) -> Reply:
    """Oldest first; `page` is the number of the last entry that is known."""
    after = _last_known(query.page)
    logs = request.app[JOBS].reader.logs(job_id, _sees(principal), after=after, limit=query.limit)
    return Reply(await logs)


@routes.post(
    "/v1/jobs/{job_id}/cancel",
    summary="Cancel a job",
    answers={200: Job},
    role=Role.VIEWER,
    errors=[errors.JobNotFound, errors.WrongState, errors.CancelNotSupported],
)
async def cancel_job(
    request: web.Request, principal: Principal, job_id: Id, body: CancelBody | None
) -> Reply:
    """A waiting job is canceled at once; a running one when its runner has stopped, or the grace period is over."""
    jobs = request.app[JOBS]
    scope = await jobs.reader.scope_of(job_id, _sees(principal))
    require_one_of(principal, scope, Role.OPERATOR)
    reason = body.reason if body else None
    return Reply(await jobs.canceler.cancel(scope, job_id, requested_by=principal.subject, reason=reason))


def _last_known(page: str | None) -> int:
    if page is not None and _ENTRY_NUMBER.fullmatch(page) is None:
        raise errors.InvalidPage
    return int(page or 0)


def _sees(principal: Principal) -> Callable[[str], bool]:
    return lambda scope: principal.may(Role.VIEWER, scope)


def _half_a_relation(query: JobQuery) -> errors.InvalidFilter:
    return errors.InvalidFilter(
        "?related_type" if query.related_type is None else "?related_id",
        "related_type and related_id go together.",
    )


def _tracked_over_http() -> errors.InvalidJob:
    message = "A tracked job is created over NATS, where its runner reports too."
    error = FieldError(field="/mode", code="tracked_over_http", message=message)
    return errors.InvalidJob(message, errors=[error])
