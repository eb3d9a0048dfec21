"""Streams of events over HTTP."""

from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, Field

from wayside_events.catalogue import EVENT_CLASSES
from wayside_events.contracts.problems import FieldError
from wayside_events.cursor import InvalidCursor as MalformedCursor
from wayside_events.identifiers import Id, Scope, parse_entity_id
from wayside_gateway.errors import InvalidCursor, StreamLimitReached, UpstreamUnavailable
from wayside_gateway.live import LIVE, accepts_events
from wayside_gateway.sse.wire import CONTENT_TYPE
from wayside_gateway.streams.place import Place
from wayside_gateway.streams.wanted import Wanted, is_type
from wayside_service.auth import ALL_SCOPES, Principal, Role
from wayside_service.errors import BusUnavailable, InvalidInput, NotFound
from wayside_service.http import ClosedModel, MediaType, RouteTable

MAX_ENTITIES = 100
MAX_PAGE = 1_000

routes = RouteTable(tags=["events"])


def _known_types(value: str) -> str:
    for wanted in value.split(","):
        if not any(is_type(name, wanted) for name in EVENT_CLASSES):
            msg = f"{wanted!r} is no event type"
            raise ValueError(msg)
    return value


def _entity_ids(value: str) -> str:
    ids = value.split(",")
    if len(ids) > MAX_ENTITIES:
        msg = f"at most {MAX_ENTITIES} ids"
        raise ValueError(msg)
    for one in ids:
        parse_entity_id(one)
    return value


class StreamQuery(ClosedModel):
    """Where to resume; `Last-Event-ID`, which EventSource sends by itself, is the later one and wins."""

    cursor: Annotated[str | None, Field(max_length=100)] = None


class EventsQuery(StreamQuery):
    """Which events of which scope: `types` and `job` are lists, separated by commas.

    A type may have `*` for a part, as in `analysis.job.*`. `limit` is for pages of JSON.
    """

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 100
    scope: Scope | None = None
    types: Annotated[str, AfterValidator(_known_types)] | None = None
    job: Annotated[str, AfterValidator(_entity_ids)] | None = None


@routes.get(
    "/v1/jobs/{job_id}/events",
    summary="Follow one job",
    answers={
        200: MediaType(CONTENT_TYPE, "wayside.snapshot, the job's events, wayside.end"),
        204: None,
    },
    role=Role.VIEWER,
    errors=[InvalidCursor, NotFound, StreamLimitReached, UpstreamUnavailable, BusUnavailable],
)
async def follow_job(
    request: web.Request, principal: Principal, job_id: Id, query: StreamQuery
) -> web.StreamResponse:
    """Stream a job as it is, and everything that happens to it until it is over."""
    return await request.app[LIVE].job(request, principal, job_id, requested_place(request, query.cursor))


@routes.get(
    "/v1/events",
    summary="Follow the events of a scope",
    answers={
        200: MediaType(CONTENT_TYPE, "Events as they are stored; or, by Accept, a page of them as JSON")
    },
    role=Role.VIEWER,
    errors=[InvalidCursor, StreamLimitReached, BusUnavailable],
)
async def follow_events(request: web.Request, principal: Principal, query: EventsQuery) -> web.StreamResponse:
    """Stream events of a scope from a cursor, or from now on.

    With `Accept: application/json` the answer is `{"events": […], "cursor", "more", "reset"}`: ask again with its
    cursor; with `more` at once. Without a cursor it has no events and says where the stream is.
    """
    place = requested_place(request, query.cursor)
    cursor = place.cursor if place else None
    scope = scope_of(principal, query.scope)
    wanted = Wanted(
        types=tuple(sorted(set(query.types.split(",")))) if query.types else (),
        entities=frozenset(query.job.split(",")) if query.job else frozenset(),
    )
    live = request.app[LIVE]
    if accepts_events(request):
        return await live.events(request, principal, scope, wanted, cursor)
    page = await live.page(scope, wanted, cursor, query.limit)
    headers = {"Cache-Control": "no-store", "Wayside-Cursor": str(page.cursor)}
    return web.Response(body=page.to_json(), content_type="application/json", headers=headers)


def requested_place(request: web.Request, in_query: str | None) -> Place | None:
    """Return where the client wants to go on; raises `InvalidCursor`."""
    for field, text in (("Last-Event-ID", request.headers.get("Last-Event-ID")), ("?cursor", in_query)):
        if text:
            try:
                return Place.parse(text)
            except MalformedCursor as error:
                raise InvalidCursor(field, str(error)) from None
    return None


def scope_of(principal: Principal, named: str | None) -> str:
    """Return the scope asked for; without one, the only one the caller has."""
    if named is not None:
        return named
    scopes = principal.scopes(Role.VIEWER)
    if len(scopes) == 1 and ALL_SCOPES not in scopes:
        return next(iter(scopes))
    message = "The token is for several scopes: name one"
    raise InvalidInput(message, errors=[FieldError(field="?scope", code="missing", message=message)])
