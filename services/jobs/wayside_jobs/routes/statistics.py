"""How queues are doing, over HTTP."""

from typing import Final

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from wayside_events.contracts.jobs import QueueFigures, QueueFiguresPage, QueueName
from wayside_events.identifiers import Scope
from wayside_jobs.domain import errors
from wayside_jobs.routes.parameters import JOBS, PageQuery, visible_scopes
from wayside_service.auth import Principal, Role
from wayside_service.http import ClosedModel, RouteTable

routes = RouteTable(tags=["queues"])

_NAME: Final[TypeAdapter[QueueName]] = TypeAdapter(QueueName)


class QueuesQuery(PageQuery):
    """Names a part of the list, and the scope whose jobs are to be counted; by default all the caller may see."""

    scope: Scope | None = None


class QueueQuery(ClosedModel):
    """Names the scope whose jobs are to be counted; by default all the caller may see."""

    scope: Scope | None = None


@routes.get(
    "/v1/queues",
    summary="List queues",
    answers={200: QueueFiguresPage},
    role=Role.VIEWER,
    errors=[errors.InvalidPage],
)
async def list_queues(request: web.Request, principal: Principal, query: QueuesQuery) -> QueueFiguresPage:
    """By name. Queues belong to all scopes; of their jobs those are counted that the caller may see, or of one scope.

    What became of jobs lately is shown to who may see all scopes, unless they name one. Counts are a second old, older
    when counting is slow.
    """
    after = "" if query.page is None else _last_name(query.page)
    scopes = _counted(query.scope, principal)
    return await request.app[JOBS].figures.page(scopes, after=after, limit=query.limit)


@routes.get(
    "/v1/queues/{name}",
    summary="Read a queue",
    answers={200: QueueFigures},
    role=Role.VIEWER,
    errors=[errors.QueueNotFound],
)
async def get_queue(
    request: web.Request, principal: Principal, name: QueueName, query: QueueQuery
) -> QueueFigures:
    """As the list has it."""
    return await request.app[JOBS].figures.one(name, _counted(query.scope, principal))


def _counted(scope: str | None, principal: Principal) -> list[str] | None:
    return visible_scopes(principal) if scope is None else [scope]


def _last_name(page: str) -> str:
    try:
        return _NAME.validate_python(page)
    except ValidationError:
        raise errors.InvalidPage from None
