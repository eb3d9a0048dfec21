"""One log line and the metrics of each request."""

import time

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from wayside_service.metrics import METRICS
from wayside_service.middleware.context import route_of

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})

log = structlog.get_logger("wayside_service.access")


@web.middleware
async def access_log(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log and count. The query is left out: it may hold a stream ticket."""
    metrics = request.app[METRICS]
    started = time.perf_counter()
    status = 499
    metrics.requests_in_progress.inc()
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as redirect:
        status = redirect.status
        raise
    finally:
        seconds = time.perf_counter() - started
        route = route_of(request)
        metrics.requests_in_progress.dec()
        metrics.requests.labels(request.method, route, str(status)).inc()
        metrics.request_seconds.labels(request.method, route).observe(seconds)
        write = log.debug if request.path in PROBES else log.info
        write("request", method=request.method, path=request.path, status=status, seconds=round(seconds, 6))
