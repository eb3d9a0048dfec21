"""The stored events, read over the bus."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from wayside_events.bus import Bus, BusError, StoredMessage, StreamState
from wayside_events.subjects import EventFilter
from wayside_gateway.streams.feed import SourceUnavailable


class BusSource:
    """Reads the event stream; whatever is wrong with it is `SourceUnavailable`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._asking: asyncio.Task[StreamState] | None = None

    async def state(self) -> StreamState:
        """Ask where the stream is; all who want to know in one tick share the question."""
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name="stream-state")
        return await asyncio.shield(self._asking)

    async def _ask(self) -> StreamState:
        await asyncio.sleep(0)
        # Whoever comes from here on needs an answer that is newer than the question.
        self._asking = None
        with bus_errors():
            return await self._bus.state()

    async def messages(self, scope: str, *, after: int, upto: int) -> AsyncIterator[list[StoredMessage]]:
        """Read all events of a scope, batch by batch."""
        with bus_errors():
            async for batch in self._bus.replay(EventFilter(scope=scope), after=after, upto=upto):
                yield batch


@contextmanager
def bus_errors() -> Iterator[None]:
    """Raise `SourceUnavailable` for errors of the bus."""
    try:
        yield
    except BusError as error:
        raise SourceUnavailable(str(error)) from error
