"""The event bus as a resource of an application."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from wayside_events.bus import Bus, BusSettings
from wayside_service.errors import BusUnavailable
from wayside_service.health import HEALTH
from wayside_service.middleware.cursor import POSITION, StreamPosition
from wayside_service.settings import ServiceSettings
from wayside_service.tasks import background

OnConnected = Callable[[Bus], Awaitable[None]]

_RETRY_SECONDS = 1.0

BUS: Final = web.AppKey("wayside_bus", Bus)

log = structlog.get_logger("wayside_service.bus")


def bus_settings_for(settings: ServiceSettings, *, name: str) -> BusSettings:
    """Return how the settings say to connect to NATS."""
    password = settings.nats_password
    return BusSettings(
        url=settings.nats_url,
        user=settings.nats_user,
        password=password.get_secret_value() if password else None,
        name=name,
    )


def bus_for(settings: ServiceSettings, *, name: str) -> Bus:
    """Return the bus the settings describe, not started."""
    return Bus(bus_settings_for(settings, name=name))


def bus_resource(
    bus: Bus, on_connected: OnConnected | None = None
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the `cleanup_ctx` that opens `bus`, puts it under `BUS` and makes readiness depend on it.

    The application starts without NATS. Once it is there, the stream is made sure of and `on_connected` is called,
    once: the place for `bus.serve`. Readiness waits for both.
    """

    async def context(app: web.Application) -> AsyncIterator[None]:
        bus.start()
        app[BUS] = bus
        app[POSITION] = StreamPosition(bus)
        async with background(_prepare(bus, on_connected), "bus-prepare") as preparing:
            app[HEALTH].add("nats", lambda: _check(bus, preparing))
            yield
        await bus.close()

    return context


async def _check(bus: Bus, preparing: asyncio.Task[None]) -> None:
    if not bus.is_connected:
        raise BusUnavailable("not connected")
    if not preparing.done():
        raise BusUnavailable("connected, not serving yet")
    # A stream that was deleted is made again here: a service that is not ready gets no requests, so publishes nothing.
    await bus.ensure_stream()


async def _prepare(bus: Bus, on_connected: OnConnected | None) -> None:
    await bus.ready()
    while True:
        try:
            await bus.ensure_stream()
            if on_connected is not None:
                await on_connected(bus)
        except Exception as error:  # noqa: BLE001 - the root of a task
            log.warning("bus_not_ready", error=repr(error))
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            log.info("bus_ready")
            return
