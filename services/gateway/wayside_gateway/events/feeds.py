"""The live feeds: one subscription for each scope somebody follows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog

from wayside_events.bus import Bus, LiveSubscription, StreamState
from wayside_events.subjects import EventFilter
from wayside_gateway.events.source import BusSource, bus_errors
from wayside_gateway.streams.feed import Feed, SourceUnavailable
from wayside_gateway.streams.history import HistoryLimits
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.topic import Topic

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Open:
    """A scope in use, or lingering after its last use."""

    opening: asyncio.Task[tuple[Feed, LiveSubscription]]
    users: int = 0
    expiry: asyncio.TimerHandle | None = None

    @property
    def has_failed(self) -> bool:
        """Whether there is no feed and will be none."""
        return self.opening.done() and (self.opening.cancelled() or self.opening.exception() is not None)

    @property
    def feed(self) -> Feed | None:
        """The feed, once it is there."""
        return self.opening.result()[0] if self.opening.done() and not self.has_failed else None


class Feeds:
    """Opens a scope's feed when somebody comes, and closes it some time after the last one left."""

    def __init__(
        self, bus: Bus, source: BusSource, stats: Stats, limits: HistoryLimits, *, linger_seconds: float
    ) -> None:
        self._bus = bus
        self._source = source
        self._stats = stats
        self._limits = limits
        self._linger_seconds = linger_seconds
        self._open: dict[str, _Open] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._open)

    @asynccontextmanager
    async def topic(self, scope: str) -> AsyncIterator[Topic]:
        """Give the scope's topic, fed for as long as the context lasts; raises `SourceUnavailable`."""
        one = self._open.get(scope)
        if one is None or one.has_failed:
            opening = asyncio.create_task(self._start(scope), name=f"feed-{scope}")
            one = self._open[scope] = _Open(opening)
        one.users += 1
        if one.expiry is not None:
            one.expiry.cancel()
            one.expiry = None
        try:
            feed, _ = await asyncio.shield(one.opening)
            yield feed.topic
        finally:
            one.users -= 1
            if one.users == 0:
                self._release(scope, one)

    async def state(self) -> StreamState:
        """Ask where the stream is; raises `SourceUnavailable`."""
        return await self._source.state()

    async def watch(self, interval_seconds: float) -> None:
        """Look from time to time whether the stream is still the same one; runs until cancelled."""
        while True:
            await asyncio.sleep(interval_seconds)
            try:
                await self.check()
            except SourceUnavailable:
                pass
            except Exception:
                log.exception("stream_check_failed")

    async def check(self) -> None:
        """Have feeds of another epoch begin anew. Live events alone do not tell a new stream from the old one."""
        epoch = (await self._source.state()).epoch
        for one in self._open.values():
            if one.feed is not None and one.feed.topic.cursor.epoch != epoch:
                one.feed.gap()

    async def close(self) -> None:
        """Close all feeds."""
        for scope, one in list(self._open.items()):
            self._expire(scope, one)
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _start(self, scope: str) -> tuple[Feed, LiveSubscription]:
        feed = Feed(Topic(scope, self._limits), self._source, self._stats)
        with bus_errors():
            subscription = await self._bus.live(EventFilter(scope=scope), feed.deliver, feed.gap)
        try:
            await feed.start()
        except BaseException:
            await subscription.close()
            raise
        log.debug("feed_opened", scope=scope, cursor=str(feed.topic.cursor))
        return feed, subscription

    def _release(self, scope: str, one: _Open) -> None:
        if one.has_failed:
            self._expire(scope, one)
        else:
            loop = asyncio.get_running_loop()
            one.expiry = loop.call_later(self._linger_seconds, self._expire, scope, one)

    def _expire(self, scope: str, one: _Open) -> None:
        if one.expiry is not None:
            one.expiry.cancel()
        if self._open.get(scope) is one:
            del self._open[scope]
        closing = asyncio.create_task(self._stop(one), name=f"feed-close-{scope}")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _stop(self, one: _Open) -> None:
        one.opening.cancel()
        with suppress(asyncio.CancelledError, SourceUnavailable):
            feed, subscription = await one.opening
            await subscription.close()
            await feed.close()
