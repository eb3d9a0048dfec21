"""Request id and trace of a request: taken or made, bound to the log, answered."""

import re
from typing import Final

import structlog
import uuid_utils
from aiohttp import web
from aiohttp.typedefs import Handler

from wayside_service.tracing import SPANS, TraceContext

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
UNMATCHED = "unmatched"

REQUEST_ID: Final = web.RequestKey("wayside_request_id", str)

SECURITY_HEADERS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
)


@web.middleware
async def request_context(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id and its span."""
    given = request.headers.get("X-Request-Id", "")
    request[REQUEST_ID] = given if _SANE_ID.fullmatch(given) else str(uuid_utils.uuid7())
    caller = TraceContext.parse(request.headers.get("traceparent"))
    with (
        request.app[SPANS].span(f"{request.method} {route_of(request)}", caller) as trace,
        structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID], trace_id=trace.trace_id),
    ):
        return await handler(request)


def route_of(request: web.Request) -> str:
    """Return the pattern of the path: a label of few values."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else UNMATCHED


async def answer_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add id and security headers to every answer, streams too (an `on_response_prepare` signal)."""
    response.headers["X-Request-Id"] = request.get(REQUEST_ID, "")
    for name, value in SECURITY_HEADERS:
        response.headers.setdefault(name, value)
