"""What surrounds every request over NATS, as the middlewares do over HTTP: trace, log context, metrics."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import structlog
from aiohttp import web
from prometheus_client import Counter, Histogram
from pydantic import BaseModel

from wayside_events.bus import Endpoint, request_headers
from wayside_service.errors import ErrorTable, status_of
from wayside_service.metrics import METRICS, SECONDS
from wayside_service.middleware.errors import ERRORS
from wayside_service.problems import known_error
from wayside_service.tracing import SPANS, Spans, TraceContext

Handler = Callable[[Any], Awaitable[BaseModel]]


class Observer:
    """Observes the endpoints of one application; `seconds` includes the time a handler chose to wait."""

    def __init__(self, app: web.Application) -> None:
        registry = app[METRICS].registry
        self._spans: Spans = app[SPANS]
        self._errors: ErrorTable = app[ERRORS]
        requests = Counter(
            "wayside_rpc_requests", "NATS requests answered.", ("verb", "status"), registry=registry
        )
        # To look the labels up costs more than to count.
        self._answered = lru_cache(maxsize=1_000)(requests.labels)
        self._seconds = Histogram(
            "wayside_rpc_request_seconds",
            "Time to answer a NATS request.",
            ("verb",),
            buckets=SECONDS,
            registry=registry,
        )

    def endpoints(self, endpoints: Sequence[Endpoint]) -> Sequence[Endpoint]:
        """Return the endpoints, each of which carries its caller's trace on and is counted and timed."""
        return [
            replace(endpoint, handler=self._observed(endpoint.name, endpoint.handler))
            for endpoint in endpoints
        ]

    def _observed(self, verb: str, handler: Handler) -> Handler:
        seconds = self._seconds.labels(verb)

        async def handle(body: Any) -> BaseModel:  # noqa: ANN401 - the endpoint's request model
            caller = TraceContext.parse(request_headers.get().get("traceparent"))
            status, started = 500, time.perf_counter()
            try:
                with self._spans.span(verb, caller) as trace:
                    bound = structlog.contextvars.bind_contextvars(trace_id=trace.trace_id, verb=verb)
                    try:
                        reply = await handler(body)
                    finally:
                        structlog.contextvars.reset_contextvars(**bound)
                    status = 200
                    return reply
            except Exception as error:
                status = status_of(type(known_error(error)), self._errors) or status
                raise
            finally:
                self._answered(verb, str(int(status))).inc()
                seconds.observe(time.perf_counter() - started)

        return handle
