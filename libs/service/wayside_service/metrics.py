"""Prometheus metrics, in a registry of the application's own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from wayside_service.tasks import background

_LAG_INTERVAL_SECONDS = 0.5
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The registry of one application, and the metrics every service has; others add theirs to `registry`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.requests = Counter(
            "wayside_http_requests",
            "HTTP requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "wayside_http_request_seconds",
            "Time from the request's headers to the end of its answer.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.requests_in_progress = Gauge(
            "wayside_http_requests_in_progress", "HTTP requests being answered.", registry=self.registry
        )
        self.loop_lag_seconds = Histogram(
            "wayside_event_loop_lag_seconds",
            "How late the event loop runs what is due.",
            buckets=SECONDS,
            registry=self.registry,
        )

    def render(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self.registry)


METRICS: Final = web.AppKey("wayside_metrics", Metrics)


async def metrics_endpoint(request: web.Request) -> web.Response:
    """Serve `/metrics`."""
    return web.Response(
        body=request.app[METRICS].render(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
    )


async def loop_lag(app: web.Application) -> AsyncIterator[None]:
    """Measure the event loop's lag while the application runs (a `cleanup_ctx`)."""
    async with background(_measure_lag(app[METRICS].loop_lag_seconds), "loop-lag"):
        yield


async def _measure_lag(histogram: Histogram) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LAG_INTERVAL_SECONDS
        await asyncio.sleep(_LAG_INTERVAL_SECONDS)
        histogram.observe(max(0.0, loop.time() - due))
