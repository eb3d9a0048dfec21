"""A running gateway on the real NATS, with a stand-in for the jobs service where a test needs none of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.gateway.upstream import Upstream
from tests.gateway.world import SECRET, GatewayHere

from wayside_events.bus import Bus, BusSettings
from wayside_gateway.app import build
from wayside_gateway.settings import GatewaySettings

Start = Callable[..., AbstractAsyncContextManager[GatewayHere]]


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with Bus.connected(BusSettings(url=nats_url)) as bus:
        await bus.ensure_stream()
        yield bus


@pytest.fixture
async def upstream(bus: Bus) -> AsyncIterator[Upstream]:
    """A service that knows the jobs it is told of."""
    async with Upstream(bus).serving() as upstream:
        yield upstream


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(
        auto_decompress=False, timeout=aiohttp.ClientTimeout(total=30)
    ) as session:
        yield session


@pytest.fixture
def start_gateway(nats_url: str, upstream: Upstream, http: aiohttp.ClientSession) -> Start:
    """Starts gateways with settings of the test's own."""

    @asynccontextmanager
    async def start(*, wait: bool = True, **changes: Any) -> AsyncIterator[GatewayHere]:
        options: dict[str, Any] = {
            "jwt_secret": SECRET,
            "nats_url": nats_url,
            "jobs_url": upstream.url,
            "governance_url": upstream.url,
            "drain_seconds": 0.1,
            "shutdown_timeout_seconds": 2,
            "feed_linger_seconds": 5,
        }
        app = build(GatewaySettings(**options | changes))
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        gateway = GatewayHere(http, int(runner.addresses[0][1]), app, runner)
        if wait:
            await gateway.ready()
        try:
            yield gateway
        finally:
            await runner.cleanup()

    return start


@pytest.fixture
async def gateway(start_gateway: Start) -> AsyncIterator[GatewayHere]:
    async with start_gateway() as gateway:
        yield gateway
