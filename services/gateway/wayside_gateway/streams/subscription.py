"""One client of the hub: what it was sent, what waits for it, and how its stream ends."""

import asyncio
from collections.abc import Sequence
from enum import Enum, auto
from typing import Protocol

from wayside_events.cursor import Cursor
from wayside_gateway.streams.frame import Batch, Encoder, Frame
from wayside_gateway.streams.lanes import LaneLimits, Lanes
from wayside_gateway.streams.place import Known, Place
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.wanted import Wanted

WRITE_BYTES = 64 * 1024
"""How much of what waited is written at once when a slow client reads again."""


class Sink(Protocol):
    """Where the bytes of one client go."""

    @property
    def encoder(self) -> Encoder:
        """The wire format."""
        ...

    @property
    def is_writable(self) -> bool:
        """Whether little enough is buffered to write more; false for a connection that is gone."""
        ...

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport; never waits, never raises."""
        ...

    async def drained(self) -> None:
        """Wait until `is_writable`; raises `ConnectionError` when that cannot become true."""
        ...

    def abort(self) -> None:
        """Drop the connection with whatever is buffered."""
        ...


class Ending(Enum):
    """How a stream of the hub ended."""

    COMPLETE = auto()  # everything wanted was sent, the last event too
    RESET = auto()  # the scope's feed lost its continuity: fetch state again and join anew
    OVERFLOW = auto()  # too much waited for a slow client
    CLOSED = auto()  # somebody asked for it


class Subscription:
    """One client. The hub offers it frames without ever waiting; what it cannot write at once waits in lanes.

    `position` is the sequence of the last event it was offered: older ones are duplicates. So are those after it that
    a snapshot contains, which may be newer than the position it was shown at.
    """

    __slots__ = ("_ending", "_known", "_lanes", "_limits", "_sink", "_stats", "_wake", "position", "wanted")

    def __init__(self, wanted: Wanted, sink: Sink, limits: LaneLimits, stats: Stats) -> None:
        self.wanted = wanted
        self.position = 0
        self._sink = sink
        self._limits = limits
        self._lanes: Lanes | None = None
        self._known: Known | None = None
        self._stats = stats
        self._ending: Ending | None = None
        self._wake: asyncio.Future[None] | None = None

    @property
    def is_behind(self) -> bool:
        """Whether frames wait for the client."""
        return self._lanes is not None or not self._sink.is_writable

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is accepted."""
        return self._ending is not None

    def offer(self, batch: Batch) -> None:
        """Send events, or keep them for when the client reads again."""
        if self._ending is not None or batch.last <= self.position:
            return
        news = self._news(batch)
        self.position = batch.last
        if news is not None:
            self._send_or_keep(news)
        if batch.is_last:
            self.end(Ending.COMPLETE)

    @property
    def known_revision(self) -> int:
        """The revision of the entity whose events the client may know beyond its position; 0 for none."""
        return self._known.revision if self._known else 0

    def place(self, cursor: Cursor) -> Place:
        """Return where the client is that was offered everything up to `cursor`."""
        return Place(cursor, self.known_revision)

    def knows(self, known: Known) -> None:
        """Leave out, from now on, events that the client knows from the state of an entity."""
        self._known = known if known.revision else None

    def put(self, frame: Frame) -> None:
        """Send a control message in its place among the events."""
        if self._ending is not None:
            return
        if self._lanes is None and self._sink.is_writable:
            self._sink.write(frame.encoded(self._sink.encoder))
        else:
            self._keep([frame])

    def end(self, ending: Ending) -> None:
        """Accept nothing more. On `COMPLETE` what waits is still sent; else it is forgotten.

        A client that is behind when the stream is cut short would not see a last word soon: it is disconnected,
        and resumes from the cursor it has.
        """
        if self._ending is None or ending is Ending.CLOSED:
            self._ending = ending
        if ending in (Ending.OVERFLOW, Ending.CLOSED) and self.is_behind:
            self._sink.abort()
        if ending is not Ending.COMPLETE:
            self._lanes = None
        self._notify()

    def restart(self) -> None:
        """Accept frames again after a reset."""
        if self._ending is Ending.RESET:
            self._ending = None

    async def send(self, batch: Batch) -> bool:
        """Write replayed events, wait until the client has read enough of them; return whether it wants more."""
        self.offer(batch)
        await self.ready()
        return self._ending is None

    async def ready(self) -> None:
        """Wait until nothing waits for the client."""
        await self._sink.drained()
        while self._lanes is not None:
            self._write_waiting(self._lanes)
            await self._sink.drained()

    async def ended(self) -> Ending:
        """Write what waits whenever the client reads; return when the stream is over."""
        while True:
            await self.ready()
            if self._ending is not None:
                return self._ending
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None

    def _news(self, batch: Batch) -> Batch | None:
        """Return what the client has not got, in the batch itself when that is all of it."""
        known = self._known
        if batch.first > self.position and known is None:
            return batch
        frames = [frame for frame in batch.frames if frame.sequence > self.position]
        if known is not None:
            if any(frame.reaches(known) for frame in frames):
                self._known = None
            frames = [frame for frame in frames if not frame.is_contained_in(known)]
        if len(frames) == len(batch.frames):
            return batch
        return Batch(frames) if frames else None

    def _send_or_keep(self, batch: Batch) -> None:
        if self._lanes is None and self._sink.is_writable:
            self._sink.write(batch.encoded(self._sink.encoder))
            self._stats.deliveries += len(batch.frames)
        else:
            self._keep(batch.frames)

    def _keep(self, frames: Sequence[Frame]) -> None:
        lanes = self._lanes = self._lanes or Lanes(self._limits)
        before = lanes.conflated
        for frame in frames:
            lanes.add(frame)
        self._stats.conflated += lanes.conflated - before
        if lanes.is_over_limit:
            self._stats.slow_closes += 1
            self.end(Ending.OVERFLOW)
        else:
            self._notify()

    def _write_waiting(self, lanes: Lanes) -> None:
        frames = lanes.take(WRITE_BYTES)
        if not lanes:
            self._lanes = None
        self._sink.write(Batch(frames).encoded(self._sink.encoder))
        self._stats.deliveries += len(frames)

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
