"""The stored events, read over the bus."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from wayside_events.bus import Bus, BusError, StoredMessage, StreamState
from wayside_events.subjects import EventFilter
from wayside_gateway.streams.feed import SourceUnavailable


class BusSource:
    """Reads the event stream; whatever is wrong with it is `SourceUnavailable`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def state(self) -> StreamState:
        """Ask where the stream is."""
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
