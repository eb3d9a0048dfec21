"""One client's stream, from its first line to its last."""

import asyncio
import random
import time
from dataclasses import dataclass

from aiohttp import web

from wayside_gateway.sse import wire
from wayside_gateway.sse.response import SseSink, StreamResponse
from wayside_gateway.streams.connections import Connection
from wayside_gateway.streams.control import Farewell
from wayside_gateway.streams.frame import Frame
from wayside_gateway.streams.lanes import LaneLimits
from wayside_gateway.streams.place import Place
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.subscription import Subscription
from wayside_gateway.streams.wanted import Wanted
from wayside_service.auth import Principal

AGE_SPREAD = 0.25
"""Streams live for their maximum age, more or less this share of it, so that they are not renewed all at once."""

RETRY_SPREAD = 0.5


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How streams are kept."""

    lanes: LaneLimits
    max_age_seconds: float
    retry_ms: int


class ClientStream:
    """A response being streamed. Nothing is sent before `open`; until then any other answer is possible."""

    def __init__(self, request: web.Request, settings: StreamSettings, wanted: Wanted, stats: Stats) -> None:
        self._request = request
        self._settings = settings
        self._sink = SseSink(request)
        self.response = StreamResponse()
        self.subscription = Subscription(wanted, self._sink, settings.lanes, stats)

    @property
    def is_head(self) -> bool:
        """Whether only the headers are asked for."""
        return self._request.method == "HEAD"

    async def open(self, place: Place | None) -> None:
        """Send headers, the time to wait before connecting again, and where the stream starts."""
        await self.response.prepare(self._request)
        if not self.is_head:
            first = wire.preamble(str(place) if place else None, spread_ms(self._settings.retry_ms))
            self._sink.write_raw(first)

    def connection(self, principal: Principal) -> Connection:
        """Return what has to be kept once the stream is open: it ends when it is too old or the token expires."""
        return Connection(self.subscription, *self._deadline(principal))

    async def fail(self, frame: Frame) -> web.StreamResponse:
        """End the stream with `frame`, opening it where that has not happened."""
        if not self.response.prepared:
            await self.response.prepare(self._request)
        if not self.is_head:
            self._sink.write_frame(frame)
        return self.response

    def _deadline(self, principal: Principal) -> tuple[float, Farewell]:
        now = asyncio.get_running_loop().time()
        age = self._settings.max_age_seconds * random.uniform(1 - AGE_SPREAD, 1 + AGE_SPREAD)  # noqa: S311
        valid = principal.expires_at.timestamp() - time.time()
        return (now + age, Farewell.MAX_AGE) if age < valid else (now + valid, Farewell.TOKEN_EXPIRED)


def spread_ms(milliseconds: int) -> int:
    """Return about `milliseconds`, so that clients that were cut at once do not come back at once."""
    return round(milliseconds * random.uniform(1 - RETRY_SPREAD, 1 + RETRY_SPREAD))  # noqa: S311
