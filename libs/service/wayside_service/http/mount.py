"""Puts declared routes into an aiohttp application: parse, authorise, call, render."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache, partial
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import TypeAdapter

from wayside_service.auth.bearer import AUTHENTICATOR
from wayside_service.auth.principal import Principal
from wayside_service.errors import ErrorTable
from wayside_service.http.binding import bind
from wayside_service.http.openapi import ApiInfo, openapi_document
from wayside_service.http.parameters import Parameters, parameters_of
from wayside_service.http.route import MediaType, Reply, Route

OPENAPI: Final[web.AppKey[Callable[[], bytes]]] = web.AppKey("wayside_openapi")
"""Makes the OpenAPI document of the application, as JSON; the first time it is asked for."""

Renderer = Callable[[object], web.StreamResponse]


def add_routes(app: web.Application, routes: Iterable[Route], info: ApiInfo, errors: ErrorTable) -> None:
    """Serve `routes`, and their OpenAPI document at `/openapi.json`; `errors` gives its error answers."""
    routes = tuple(routes)
    for route in routes:
        handler = _handler(route, parameters_of(route))
        if route.method == "GET":
            app.router.add_get(route.path, handler, allow_head=True)
        else:
            app.router.add_route(route.method, route.path, handler)
    document: Callable[[], bytes] = cache(partial(openapi_document, routes, info, errors))
    app[OPENAPI] = document
    app.router.add_get("/openapi.json", _openapi)


async def _openapi(request: web.Request) -> web.Response:
    return web.Response(body=request.app[OPENAPI](), content_type="application/json")


def _handler(route: Route, parameters: Parameters) -> Handler:
    render = _renderer(route)

    async def handle(request: web.Request) -> web.StreamResponse:
        principal = await _authenticated(request, route)
        arguments = await bind(request, route, parameters)
        if route.role is not None and principal is not None:
            for field, scope in _named_scopes(arguments):
                principal.require(route.role, scope, field=field)
        if parameters.wants_request:
            arguments["request"] = request
        if parameters.wants_principal:
            arguments["principal"] = principal
        return render(await route.handler(**arguments))

    return handle


async def _authenticated(request: web.Request, route: Route) -> Principal | None:
    """Return the caller. Who has the role nowhere is refused before the body is read."""
    if route.role is None:
        return None
    principal = await request.app[AUTHENTICATOR].principal(request)
    principal.require(route.role)
    return principal


def _named_scopes(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each scope the request is about, the fields `scope` of path, query and body, and where it stands."""
    places = (("{scope}", arguments), ("?scope", arguments.get("query")), ("/scope", arguments.get("body")))
    for field, place in places:
        scope = place.get("scope") if isinstance(place, Mapping) else getattr(place, "scope", None)
        if isinstance(scope, str):
            yield field, scope


@lru_cache(maxsize=1_024)
def _renderer(route: Route) -> Renderer:
    adapters: dict[int, TypeAdapter[Any] | None] = {
        status: None if answer is None or isinstance(answer, MediaType) else TypeAdapter(answer)
        for status, answer in route.answers.items()
    }

    def render(result: object) -> web.StreamResponse:
        if isinstance(result, web.StreamResponse):
            return result
        reply = result if isinstance(result, Reply) else Reply(result)
        status = route.usual_status if reply.status is None else reply.status
        if status not in adapters:
            msg = f"{route.method} {route.path} does not declare the answer {status}"
            raise RuntimeError(msg)
        adapter = adapters[status]
        if adapter is None:
            return web.Response(status=status, headers=reply.headers)
        body = (
            reply.value if isinstance(reply.value, bytes) else adapter.dump_json(reply.value, by_alias=True)
        )
        return web.Response(body=body, status=status, headers=reply.headers, content_type="application/json")

    return render
