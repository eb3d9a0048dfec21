"""The reverse proxy: requests and answers of the services pass through as streams."""

import aiohttp
import structlog
from aiohttp import web

from wayside_gateway.upstream.body import body_of
from wayside_gateway.upstream.caller import answer_of
from wayside_gateway.upstream.client import SESSION
from wayside_gateway.upstream.headers import end_to_end, upstream_headers
from wayside_gateway.upstream.instances import Instances
from wayside_service.errors import RouteNotFound

log = structlog.get_logger(__name__)


class Proxy:
    """Passes the requests of one service's routes on to it, and its answers back."""

    def __init__(self, instances: Instances, body_limit_bytes: int) -> None:
        self._instances = instances
        self._body_limit = body_limit_bytes

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer with what the service answers; the handler of its routes."""
        async with answer_of(
            request.app[SESSION],
            self._instances,
            request.method,
            _path_of(request),
            headers=upstream_headers(request),
            body=body_of(request, self._body_limit),
        ) as answer:
            return await _pass_on(request, answer)


def _path_of(request: web.Request) -> str:
    """Return path and query as they were sent. Dot segments could lead out of the service's prefixes."""
    url = request.rel_url
    if any(part in (".", "..") for part in url.path.split("/")):
        msg = f"There is no {request.path}."
        raise RouteNotFound(msg)
    return url.raw_path + (f"?{url.raw_query_string}" if url.raw_query_string else "")


async def _pass_on(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(
        status=answer.status, reason=answer.reason, headers=end_to_end(answer.headers)
    )
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
    except (aiohttp.ClientError, TimeoutError) as error:
        # Only a broken connection tells the client that the body is not whole.
        log.warning("upstream_broke_off", path=request.path, error=repr(error))
        if request.transport is not None:
            request.transport.abort()
    return response
