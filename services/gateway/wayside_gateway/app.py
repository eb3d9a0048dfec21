"""The gateway's composition root."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from wayside_gateway.errors import ERRORS
from wayside_gateway.events import BusSource, Feeds, Replays
from wayside_gateway.live import LIVE, Live
from wayside_gateway.metrics import StreamMetrics
from wayside_gateway.routes import routes
from wayside_gateway.settings import GatewaySettings, urls_of
from wayside_gateway.sse.stream import StreamSettings
from wayside_gateway.streams.connections import Connections
from wayside_gateway.streams.history import HistoryLimits
from wayside_gateway.streams.lanes import LaneLimits
from wayside_gateway.streams.stats import Stats
from wayside_gateway.upstream.client import SESSION, client_session, health_check
from wayside_gateway.upstream.instances import Instances
from wayside_gateway.upstream.proxy import Proxy
from wayside_gateway.upstream.snapshot import JobReader
from wayside_service.app import CleanupContext, create_app
from wayside_service.auth import BearerAuthenticator, verifier_for
from wayside_service.bus import BUS, bus_for, bus_resource
from wayside_service.health import HEALTH
from wayside_service.http import ApiInfo
from wayside_service.metrics import METRICS
from wayside_service.middleware import POSITION

VERSION: Final = "0.1.0"

JOBS_PREFIXES: Final = ("/v1/jobs", "/v1/job-types", "/v1/queues", "/v1/workers")
GOVERNANCE_PREFIXES: Final = (
    "/v1/suggestions",
    "/v1/decisions",
    "/v1/edges",
    "/v1/graph",
    "/v1/nodes",
    "/v1/policies",
    "/v1/audit",
    "/v1/reports",
    "/v1/governance",
    "/v1/relationship-types",
)

EPOCH_CHECK_SECONDS: Final = 10.0


def build(settings: GatewaySettings) -> web.Application:
    """Return the gateway's application, not running."""
    jobs = Instances("jobs", urls_of(settings.jobs_url), down_seconds=settings.upstream_down_seconds)
    governance = Instances(
        "governance", urls_of(settings.governance_url), down_seconds=settings.upstream_down_seconds
    )
    app = create_app(
        ApiInfo("Wayside gateway", VERSION),
        routes=routes,
        authenticator=BearerAuthenticator(verifier_for(settings)),
        errors=ERRORS,
        resources=[
            bus_resource(bus_for(settings, name="gateway")),
            _upstreams(settings, [jobs, governance]),
            _streams(settings, jobs),
        ],
    )
    _add_proxy(app, Proxy(jobs, settings.body_limit_bytes), JOBS_PREFIXES)
    _add_proxy(app, Proxy(governance, settings.body_limit_bytes), GOVERNANCE_PREFIXES)
    app.on_shutdown.append(_drain(settings))
    return app


def _add_proxy(app: web.Application, proxy: Proxy, prefixes: Sequence[str]) -> None:
    for prefix in prefixes:
        app.router.add_route("*", prefix, proxy.handle)
        app.router.add_route("*", prefix + "/{tail:.*}", proxy.handle)


def _upstreams(settings: GatewaySettings, services: Sequence[Instances]) -> CleanupContext:
    async def context(app: web.Application) -> AsyncIterator[None]:
        # The services answer their own position; asking for it here as well would only cost time.
        del app[POSITION]
        async with client_session(settings) as session:
            app[SESSION] = session
            for service in services:
                app[HEALTH].add(service.service, health_check(session, service))
            yield

    return context


def _streams(settings: GatewaySettings, jobs: Instances) -> CleanupContext:
    async def context(app: web.Application) -> AsyncIterator[None]:
        stats = Stats()
        bus = app[BUS]
        source = BusSource(bus)
        feeds = Feeds(
            bus,
            source,
            stats,
            HistoryLimits(settings.history_frames, settings.history_bytes),
            linger_seconds=settings.feed_linger_seconds,
        )
        connections = Connections(
            ping_seconds=settings.ping_seconds, max_per_subject=settings.streams_per_subject
        )
        app[LIVE] = Live(
            feeds=feeds,
            replays=Replays(bus, source, stats),
            connections=connections,
            jobs=JobReader(app[SESSION], jobs),
            stats=stats,
            settings=StreamSettings(
                lanes=LaneLimits(settings.client_lane_frames, settings.client_lane_bytes),
                max_age_seconds=settings.stream_max_age_seconds,
                retry_ms=settings.retry_ms,
            ),
            end_grace_seconds=settings.end_grace_seconds,
        )
        app[METRICS].registry.register(StreamMetrics(app[LIVE]))
        async with _running(connections.run(), feeds.watch(EPOCH_CHECK_SECONDS)):
            yield
        await feeds.close()

    return context


@asynccontextmanager
async def _running(*loops: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run endless loops while the context lasts."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _drain(settings: GatewaySettings) -> Callable[[web.Application], Awaitable[None]]:
    async def drain(app: web.Application) -> None:
        await app[LIVE].connections.drain(settings.drain_seconds)

    return drain
