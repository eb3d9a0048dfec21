"""One scope's live events, made whole: what the live feed leaves out is read from the stream."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from wayside_events.cursor import Cursor
from wayside_gateway.streams.frame import Frame
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.topic import Topic

log = structlog.get_logger(__name__)

HELD_LIMIT = 10_000
"""Live events kept while a hole is filled; with more, they are read from the stream too."""

PREVIOUS_HEADER = "Nats-Last-Sequence"
"""The sequence of the event before, on the same subject."""

EVENT_ID_HEADER = "Nats-Msg-Id"
"""The event's id: `<entity id>:<revision>`."""

_RETRY_SECONDS = 0.25
_MAX_RETRY_SECONDS = 5.0


class SourceUnavailable(Exception):
    """The stream cannot be read now."""


class Message(Protocol):
    """An event as the bus delivers it."""

    @property
    def subject(self) -> str: ...  # noqa: D102
    @property
    def sequence(self) -> int: ...  # noqa: D102
    @property
    def payload(self) -> bytes: ...  # noqa: D102
    @property
    def headers(self) -> Mapping[str, str]: ...  # noqa: D102


class State(Protocol):
    """Where the stream is."""

    @property
    def position(self) -> Cursor:
        """After the newest event."""
        ...

    def keeps_all_after(self, cursor: Cursor) -> bool:
        """Whether nothing after `cursor` is gone."""
        ...


class Source(Protocol):
    """The stored events; both raise `SourceUnavailable`."""

    async def state(self) -> State:
        """Ask where the stream is."""
        ...

    def messages(self, scope: str, *, after: int, upto: int) -> AsyncIterator[Sequence[Message]]:
        """Read the events of a scope, in batches, in order."""
        ...


class Feed:
    """Publishes every event of a scope to its topic, once and in order, whatever the live feed does.

    The owner calls `deliver` for each live event and `gap` when some may have been missed. From a gap on, live
    events are held until the stream was read up to its end.
    """

    def __init__(self, topic: Topic, source: Source, stats: Stats) -> None:
        self.topic = topic
        self._source = source
        self._stats = stats
        self._held: list[Message] = []
        self._is_started = False
        self._is_whole = False
        self._is_lost = False
        self._repairing: asyncio.Task[None] | None = None
        self._again = False

    async def start(self) -> None:
        """Begin at the end of the stream; `deliver` is being called already. Raises `SourceUnavailable`."""
        self.topic.reset((await self._source.state()).position)
        self._is_started = True
        if self._again:
            self.gap()
        else:
            self._release()

    async def close(self) -> None:
        """Stop a repair that is under way."""
        if self._repairing is not None:
            self._repairing.cancel()
            with suppress(asyncio.CancelledError):
                await self._repairing

    def deliver(self, message: Message) -> None:
        """Take one live event."""
        if not self._is_whole:
            self._hold(message)
        elif self._continues(message):
            self.topic.publish([frame_of(message, self.topic.cursor.epoch)])
        else:
            self._hold(message)
            self.gap()

    def gap(self) -> None:
        """Take note that live events may be missing; they are read from the stream."""
        self._is_whole = False
        self._again = True
        if self._is_started and self._repairing is None:
            self._repairing = asyncio.create_task(self._repair(), name=f"repair-{self.topic.scope}")

    def _continues(self, message: Message) -> bool:
        """Whether this is the next event: not an old sequence, as of a new stream, and none missing before it."""
        position = self.topic.cursor.sequence
        if message.sequence <= position:
            return False
        previous = int(message.headers.get(PREVIOUS_HEADER, 0))
        history = self.topic.history
        if previous <= history.start or previous in history:
            return True
        # One that should have come before others that came: clients are past it, so only a reset is honest.
        self._is_lost = previous <= position
        return False

    def _hold(self, message: Message) -> None:
        if len(self._held) < HELD_LIMIT:
            self._held.append(message)
        else:
            self._held.clear()
            self._again = True

    def _release(self) -> None:
        held, self._held = self._held, []
        self._is_whole = True
        for message in held:
            if message.sequence > self.topic.cursor.sequence:
                self.deliver(message)

    async def _repair(self) -> None:
        delay = _RETRY_SECONDS
        while self._again:
            self._again = False
            try:
                await self._read_missing()
                delay = _RETRY_SECONDS
            except Exception as error:
                if not isinstance(error, SourceUnavailable):
                    log.exception("repair_failed", scope=self.topic.scope)
                self._again = True
                await asyncio.sleep(delay)
                delay = min(2 * delay, _MAX_RETRY_SECONDS)
        self._repairing = None
        self._stats.repairs += 1
        self._release()

    async def _read_missing(self) -> None:
        topic, state = self.topic, await self._source.state()
        start, end = topic.cursor, state.position
        if self._is_lost or not state.keeps_all_after(start):
            # What is held may be of the stream before; what is of this one is read in the next round.
            self._held.clear()
            self._again, self._is_lost = True, False
            self._stats.resets += 1
            topic.reset(end)
            return
        async for messages in self._source.messages(topic.scope, after=start.sequence, upto=end.sequence):
            topic.publish([frame_of(message, end.epoch) for message in messages])
        if (await self._source.state()).keeps_all_after(start):
            topic.advance(end.sequence)
        else:
            self._again = self._is_lost = True


def frame_of(message: Message, epoch: str) -> Frame:
    """Return an event as it is sent to clients: its JSON is the data, untouched."""
    event_type, _, entity_id = message.subject.rsplit(".", 2)
    return Frame(
        event_type,
        message.payload,
        sequence=message.sequence,
        cursor=f"{epoch}-{message.sequence}",
        entity_id=entity_id,
        revision=_revision_of(message),
    )


def _revision_of(message: Message) -> int:
    try:
        return int(message.headers.get(EVENT_ID_HEADER, "").rpartition(":")[2])
    except ValueError:
        return 0
