"""Which headers cross the gateway, in both directions."""

from collections.abc import Mapping

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from wayside_service.middleware import REQUEST_ID
from wayside_service.tracing import current_traceparent

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""RFC 9110 §7.6.1: these are about one connection; so are those that `Connection` names."""

_OWN = frozenset({"host", "expect", "x-request-id", "traceparent", "x-forwarded-for", "x-forwarded-proto"})
_DECODED = frozenset({"content-encoding", "content-length"})


def end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Return the headers that are for the other end."""
    named = {name.strip().lower() for value in headers.getall("Connection", ()) for name in value.split(",")}
    dropped = HOP_BY_HOP | named
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in dropped)


def upstream_headers(request: web.Request) -> CIMultiDict[str]:
    """Return the headers of a request as its service gets them."""
    headers = end_to_end(request.headers)
    # aiohttp has decoded a compressed body already, so neither its coding nor its length holds any more.
    dropped = _OWN | _DECODED if "Content-Encoding" in request.headers else _OWN
    for name in dropped:
        headers.popall(name, None)
    forwarded = [*request.headers.getall("X-Forwarded-For", ()), request.remote or ""]
    headers["X-Forwarded-For"] = ", ".join(address for address in forwarded if address)
    headers["X-Forwarded-Proto"] = request.headers.get("X-Forwarded-Proto", request.scheme)
    headers["X-Forwarded-Host"] = request.headers.get("X-Forwarded-Host", request.host)
    headers.update(context_headers(request))
    return headers


def context_headers(request: web.Request) -> Mapping[str, str]:
    """Return what ties a call of a service to the request that caused it."""
    headers = {"X-Request-Id": request[REQUEST_ID]}
    if traceparent := current_traceparent():
        headers["traceparent"] = traceparent
    return headers
