"""`Wayside-Cursor`: every GET says from where to stream on so that nothing is missed."""

import asyncio
import time
from typing import Final, Protocol

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from wayside_service.middleware.access import PROBES

HEADER = "Wayside-Cursor"
MAX_AGE_SECONDS = 0.1
TIMEOUT_SECONDS = 0.5

log = structlog.get_logger(__name__)


class PositionSource(Protocol):
    """The part of the bus this needs."""

    @property
    def is_connected(self) -> bool:
        """Whether asking makes sense."""
        ...

    async def position(self) -> object:
        """Return the cursor of the newest stored event."""
        ...


class StreamPosition:
    """The stream's position, at most 100 ms old; callers at the same time share one question.

    An old position is a safe one: a client that streams on from there sees an event twice, never misses one.
    """

    def __init__(self, source: PositionSource) -> None:
        self._source = source
        self._value: str | None = None
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[str | None] | None = None

    async def get(self) -> str | None:
        """Return the cursor as text, `None` while the bus is down."""
        if not self._source.is_connected:
            return None
        if time.monotonic() - self._asked_at <= MAX_AGE_SECONDS:
            return self._value
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name="stream-position")
        return await asyncio.shield(self._asking)

    async def _ask(self) -> str | None:
        asked_at = time.monotonic()
        try:
            self._value = await self._position()
            self._asked_at = asked_at
            return self._value
        finally:
            self._asking = None

    async def _position(self) -> str | None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return str(await self._source.position())
        except Exception as error:  # noqa: BLE001 - the header is a convenience, never a reason to fail
            log.info("stream_position_unknown", error=repr(error))
            return None


POSITION: Final = web.AppKey("wayside_position", StreamPosition)


@web.middleware
async def stream_position(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read the position before the handler reads state, and answer it."""
    position = request.app.get(POSITION)
    is_read = request.method in ("GET", "HEAD") and request.path not in PROBES
    cursor = await position.get() if position and is_read else None
    response = await handler(request)
    if cursor and not response.prepared:
        response.headers.setdefault(HEADER, cursor)
    return response
