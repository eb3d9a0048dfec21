"""Stored events for clients that come back: read in pages, each at the pace of its client."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from wayside_events.bus import Bus
from wayside_events.cursor import Cursor
from wayside_events.subjects import EventFilter
from wayside_gateway.events.source import BusSource, bus_errors
from wayside_gateway.streams.catchup import CursorLost
from wayside_gateway.streams.feed import frame_of
from wayside_gateway.streams.frame import Batch, Frame
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.topic import Topic, batch_for
from wayside_gateway.streams.wanted import Wanted

RECALL_SPAN = 20_000
"""How far back, in sequences of the whole stream, a history is extended for clients that come back."""

_NO_END = 2**62


class _Page(NamedTuple):
    """What identifies one read: the same is read once for all who ask at the same time."""

    scope: str
    wanted: Wanted
    after: Cursor
    upto: int


class Replays:
    """Reads pages of stored events; clients that need the same page share one read and its bytes."""

    def __init__(self, bus: Bus, source: BusSource, stats: Stats) -> None:
        self._bus = bus
        self._source = source
        self._stats = stats
        self._reading: dict[_Page, asyncio.Task[Batch | None]] = {}
        self._recalling: dict[Topic, asyncio.Task[None]] = {}

    async def replay(self, topic: Topic, wanted: Wanted, after: Cursor, upto: int) -> AsyncIterator[Batch]:
        """Yield the wanted events after a cursor up to a sequence.

        Raises `CursorLost` after the last one when some were gone before they could be read.
        """
        page = _Page(topic.scope, wanted, after, upto)
        while batch := await self._read(page):
            yield batch
            if batch.is_last or batch.last >= upto:
                break
            page = page._replace(after=after.at(batch.last))
        if not (await self._source.state()).keeps_all_after(after):
            raise CursorLost(after)

    async def page(self, scope: str, wanted: Wanted, after: Cursor, upto: int) -> Batch | None:
        """Return the next wanted events after a cursor, `None` when there are none up to the sequence."""
        return await self._read(_Page(scope, wanted, after, upto))

    async def recall(self, topic: Topic, wanted: Wanted, after: Cursor) -> bool:
        """Extend the history of a scope for those who follow all of it; the first to come reads for all others."""
        if wanted.entities:
            return False
        while (start := topic.history.start) > after.sequence:
            if start - after.sequence > RECALL_SPAN:
                return False
            recalling = self._recalling.get(topic)
            if recalling is None:
                recalling = asyncio.create_task(self._extend(topic, after), name=f"recall-{topic.scope}")
                self._recalling[topic] = recalling
                recalling.add_done_callback(lambda _: self._recalling.pop(topic))
            await asyncio.shield(recalling)
            if topic.history.start >= start:
                return False
        return True

    async def end_of_job(self, scope: str, job_id: str, status: str) -> int | None:
        """Return the sequence of a job's terminal event, `None` when it is not, or no longer, in the stream."""
        event = EventFilter((f"analysis.job.{status}",), scope, job_id)
        with bus_errors():
            async for messages in self._bus.replay(event, after=0, upto=_NO_END):
                return messages[-1].sequence
        return None

    async def _extend(self, topic: Topic, after: Cursor) -> None:
        history, frames = topic.history, list[Frame]()
        upto = history.start
        async for messages in self._source.messages(topic.scope, after=after.sequence, upto=upto):
            self._stats.reads += 1
            frames.extend(frame_of(message, after.epoch) for message in messages)
            if len(frames) > history.room:
                return
        if (await self._source.state()).keeps_all_after(after):
            history.extend_back(frames, after=after.sequence, upto=upto)

    async def _read(self, page: _Page) -> Batch | None:
        reading = self._reading.get(page)
        if reading is None:
            reading = asyncio.create_task(self._fetch(page), name=f"replay-{page.scope}")
            self._reading[page] = reading
            reading.add_done_callback(lambda _: self._reading.pop(page))
        return await asyncio.shield(reading)

    async def _fetch(self, page: _Page) -> Batch | None:
        self._stats.reads += 1
        stored = _filter_of(page.scope, page.wanted)
        with bus_errors():
            async for messages in self._bus.replay(stored, after=page.after.sequence, upto=page.upto):
                frames = page.wanted.select(frame_of(message, page.after.epoch) for message in messages)
                if frames:
                    return batch_for(page.wanted, frames)
        return None


def _filter_of(scope: str, wanted: Wanted) -> EventFilter:
    """Return what the stream can filter by: one entity at most; the rest is left to `Wanted.select`."""
    entity = next(iter(wanted.entities)) if len(wanted.entities) == 1 else None
    return EventFilter(wanted.types, scope, entity)
