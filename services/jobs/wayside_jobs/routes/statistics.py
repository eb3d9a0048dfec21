"""How queues are doing, over HTTP."""

from typing import Final

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from wayside_events.contracts.jobs import QueueFigures, QueueFiguresPage, QueueName
from wayside_jobs.domain import errors
from wayside_jobs.routes.parameters import JOBS, PageQuery
from wayside_service.auth import Role
from wayside_service.http import RouteTable

routes = RouteTable(tags=["queues"])

_NAME: Final[TypeAdapter[QueueName]] = TypeAdapter(QueueName)


@routes.get(
    "/v1/queues",
    summary="List queues",
    answers={200: QueueFiguresPage},
    role=Role.VIEWER,
    errors=[errors.InvalidPage],
)
async def list_queues(request: web.Request, query: PageQuery) -> QueueFiguresPage:
    """By name. Queues belong to all scopes, and so do the figures; they are a second old, older when counting is slow."""
    after = "" if query.page is None else _last_name(query.page)
    return await request.app[JOBS].figures.page(after=after, limit=query.limit)


@routes.get(
    "/v1/queues/{name}",
    summary="Read a queue",
    answers={200: QueueFigures},
    role=Role.VIEWER,
    errors=[errors.QueueNotFound],
)
async def get_queue(request: web.Request, name: QueueName) -> QueueFigures:
    """As the list has it."""
    return await request.app[JOBS].figures.one(name)


def _last_name(page: str) -> str:
    try:
        return _NAME.validate_python(page)
    except ValidationError:
        raise errors.InvalidPage from None
