"""Coming back to jobs over HTTP: those of a session, those under way, those that ended meanwhile, and children."""

from aiohttp import web
from pydantic import Field

from wayside_events.contracts.jobs import (
    ActivePage,
    JobPage,
    JobTypeName,
    RecentPage,
    SeenBody,
    SeenReply,
    SessionPage,
)
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, ScopeName
from wayside_events.jobs import JobStatus
from wayside_jobs.domain import errors
from wayside_jobs.domain.wanted import Wanted
from wayside_jobs.routes.parameters import JOBS, NameFilter, PageQuery, ScopeQuery, scope_of, sees
from wayside_jobs.service.activity import Viewer
from wayside_service.auth import Principal, Role
from wayside_service.http import Reply, RouteTable

routes = RouteTable(tags=["jobs"])


class SessionQuery(ScopeQuery):
    """Filters of a session's jobs; they hold together."""

    status: list[JobStatus] = Field(default_factory=list)
    type: JobTypeName | None = None


class RunningQuery(ScopeQuery):
    """Whose jobs: the caller's own, with `mine=false` those of everybody in the scope, with `created_by` one other's."""

    mine: bool = True
    created_by: NameFilter | None = None


class RecentQuery(ScopeQuery):
    """Whose jobs, by default the caller's own; and after which moment they ended."""

    created_by: NameFilter | None = None
    since: Timestamp | None = None


class ChildrenQuery(PageQuery):
    """Filters of a job's children; they hold together."""

    status: list[JobStatus] = Field(default_factory=list)
    type: JobTypeName | None = None


@routes.get(
    "/v1/jobs/by-session/{session_id}",
    summary="List the jobs of a session",
    answers={200: SessionPage},
    role=Role.VIEWER,
    errors=[errors.InvalidPage],
)
async def list_session_jobs(
    request: web.Request, principal: Principal, session_id: NameFilter, query: SessionQuery
) -> Reply:
    """The newest first; the first page also has, whole, the `job` to show: the newest active one, else the newest."""
    wanted = Wanted(
        scope=scope_of(query, principal),
        session_id=session_id,
        statuses=tuple(dict.fromkeys(query.status)),
        type=query.type,
    )
    return Reply(await request.app[JOBS].reader.session_page(wanted, page=query.page, limit=query.limit))


@routes.get(
    "/v1/jobs/running",
    summary="List jobs that wait or run",
    answers={200: ActivePage},
    role=Role.VIEWER,
    errors=[errors.InvalidPage],
)
async def list_running_jobs(request: web.Request, principal: Principal, query: RunningQuery) -> Reply:
    """The newest first, with counts, up to 1,000 each: what a badge shows to a user.

    They are the caller's own, whatever the caller's role; an operator who wants to see the whole scope says `mine=false`.
    """
    creator = query.created_by or (principal.subject if query.mine else None)
    scope = scope_of(query, principal)
    activity = request.app[JOBS].activity
    return Reply(await activity.active(scope, creator, page=query.page, limit=query.limit))


@routes.get(
    "/v1/jobs/recent-completions",
    summary="List jobs that ended",
    answers={200: RecentPage},
    role=Role.VIEWER,
    errors=[errors.InvalidPage],
)
async def list_recent_completions(request: web.Request, principal: Principal, query: RecentQuery) -> Reply:
    """The last first, however they ended: the caller's own, or `created_by`'s.

    `since` is by default what the caller has seen, else 24 hours ago. Once they were shown, give `upto` to `/v1/jobs/seen`.
    """
    viewer = _viewer(scope_of(query, principal), principal)
    creator = query.created_by or principal.subject
    activity = request.app[JOBS].activity
    return Reply(
        await activity.recent(viewer, creator, since=query.since, page=query.page, limit=query.limit)
    )


@routes.post(
    "/v1/jobs/seen",
    summary="Say which ends of jobs were seen",
    answers={200: SeenReply},
    role=Role.VIEWER,
)
async def see_jobs(request: web.Request, principal: Principal, body: SeenBody) -> SeenReply:
    """Up to a moment: the `upto` of the list that was shown. What was seen stays seen, so a repeat is harmless.

    Without it, up to the last moment before which no end can still be missing: now, but for transactions under way.
    """
    return await request.app[JOBS].activity.see(_viewer(body.scope, principal), body.upto)


@routes.get(
    "/v1/jobs/{job_id}/children",
    summary="List the children of a job",
    answers={200: JobPage},
    role=Role.VIEWER,
    errors=[errors.JobNotFound, errors.InvalidPage],
)
async def list_children(
    request: web.Request, principal: Principal, job_id: Id, query: ChildrenQuery
) -> Reply:
    """The newest first, without input, partial and result."""
    reader = request.app[JOBS].reader
    scope = await reader.scope_of(job_id, sees(principal))
    statuses = tuple(dict.fromkeys(query.status))
    wanted = Wanted(scope=ScopeName(scope), parent_id=job_id, statuses=statuses, type=query.type)
    return Reply(await reader.page(wanted, page=query.page, limit=query.limit))


def _viewer(scope: ScopeName, principal: Principal) -> Viewer:
    return Viewer(scope, principal.subject)
