"""Event streams that survive their connections: resumed by cursor, nothing left out, nothing twice."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal, Self
from urllib.parse import quote

import aiohttp
import orjson

from wayside.client.history import EventPage, read_history
from wayside.client.sse import EventParser, ServerSentEvent
from wayside.client.transport import Transport, query_of, refusal
from wayside.errors import CursorReset, ServiceFailed, TooManyRequests
from wayside_events.catalogue import AnyEvent, MalformedEvent, parse_event
from wayside_events.contracts.jobs import Job
from wayside_events.cursor import Cursor, InvalidCursor

logger = logging.getLogger("wayside.client")

WATCHDOG_SECONDS = 45.0
"""A stream that says nothing for this long, three pings of the gateway, is dead, whatever its socket says."""

CONNECT_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_DOUBLINGS = 20

OnReset = Literal["raise", "yield"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The job as it is when the stream begins; the events that follow are newer."""

    job: Job


@dataclass(frozen=True, slots=True)
class Reset:
    """Events between the last one and `cursor` are gone: fetch the state again; what follows is newer than `cursor`."""

    cursor: str | None
    reason: str | None


Item = AnyEvent | Snapshot | Reset


class _Ended(Exception):
    """The gateway says that the stream is complete."""


class _Interrupted(Exception):
    """The connection is over, the stream is not."""

    def __init__(self, reason: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a stream is followed: from where, and what to do about silence and about events that are gone."""

    after: str | None = None
    on_reset: OnReset = "raise"
    begins_with_snapshot: bool = False
    watchdog_seconds: float = WATCHDOG_SECONDS


class EventStream:
    """An async iterator of events. `cursor` is the position after the last item: keep it to go on from there later.

    Connects again for as long as it takes; only an answer that trying again cannot change is raised, as a
    `ProblemError`. Use it as a context manager, or close it, when you leave the loop early.
    """

    def __init__(self, transport: Transport, path: str, query: Mapping[str, Any], rules: Rules) -> None:
        self.cursor = rules.after
        self._transport = transport
        self._path = path
        self._query = query
        self._rules = rules
        self._wants_snapshot = rules.after is None
        self._snapshot_revision: dict[str, int] = {}
        self._retry_seconds = _FIRST_PAUSE_SECONDS
        self._failures = 0
        self._items = self._run()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        try:
            return await anext(self._items)
        except asyncio.CancelledError:
            # The generator is over now, the stream is not: whoever waited with a time limit may ask again.
            self._items = self._run()
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Leave the stream."""
        await self._items.aclose()

    async def _run(self) -> AsyncGenerator[Item, None]:
        while True:
            try:
                async with aclosing(self._connection()) as frames:
                    async for frame in frames:
                        for item in self._read(frame):
                            yield item
            except _Ended:
                return
            except _Interrupted as interruption:
                logger.info("stream %s: %s; it goes on after %s", self._path, interruption, self.cursor)
                await asyncio.sleep(self._pause(interruption))

    async def _connection(self) -> AsyncGenerator[ServerSentEvent, None]:
        """Yield the frames of one connection; raises `_Interrupted` when it ends."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self.cursor:
            headers["Last-Event-ID"] = self.cursor
        try:
            async with self._transport.session.get(
                self._transport.url + self._path,
                params=query_of(self._query),
                headers=headers | await self._transport.headers(),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=CONNECT_SECONDS, sock_read=self._rules.watchdog_seconds
                ),
            ) as response:
                await self._check(response)
                parser = EventParser()
                async for chunk in response.content.iter_any():
                    for frame in parser.feed(chunk):
                        yield frame
                    self._note(parser)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _Interrupted(str(error) or type(error).__name__) from error
        raise _Interrupted("the connection ended")

    async def _check(self, response: aiohttp.ClientResponse) -> None:
        if response.status == 204:
            raise _Ended
        if response.status < 400:
            return
        error = refusal(response, await response.read())
        if isinstance(error, ServiceFailed | TooManyRequests):
            raise _Interrupted(str(error), retry_after_seconds=error.retry_after_seconds)
        raise error

    def _note(self, parser: EventParser) -> None:
        if parser.retry_ms is not None:
            self._retry_seconds = parser.retry_ms / 1000
        if self.cursor is None and not self._rules.begins_with_snapshot:
            self.cursor = parser.last_event_id

    def _read(self, frame: ServerSentEvent) -> list[Item]:
        """Return what a frame says to the user: one item, or nothing."""
        match frame.name:
            case "wayside.snapshot":
                return self._read_snapshot(frame)
            case "wayside.reset":
                return [self._read_reset(frame)]
            case "wayside.end":
                self._advance(frame)
                raise _Ended
            case "wayside.bye" | "wayside.unavailable":
                self._advance(frame)
                raise _Interrupted(frame.data)
            case name if name.startswith("wayside."):
                self._failures = 0
                self._advance(frame)
                return []
            case _:
                return self._read_event(frame)

    def _read_snapshot(self, frame: ServerSentEvent) -> list[Item]:
        """A stream that is resumed by cursor gets every event: a snapshot in between would be ahead of them."""
        if not self._wants_snapshot:
            return []
        self._wants_snapshot = False
        job = Job.model_validate_json(frame.data)
        self._snapshot_revision[job.id] = job.revision
        self._advance(frame)
        return [Snapshot(job)]

    def _read_reset(self, frame: ServerSentEvent) -> Reset:
        said = orjson.loads(frame.data)
        reset = Reset(said.get("cursor"), said.get("reason"))
        self._snapshot_revision.clear()
        self._wants_snapshot = True
        # Until the snapshot is here there is no position to go on from.
        self.cursor = None if self._rules.begins_with_snapshot else reset.cursor
        if self._rules.on_reset == "raise":
            raise CursorReset(reset.cursor, reset.reason)
        return reset

    def _read_event(self, frame: ServerSentEvent) -> list[Item]:
        self._failures = 0
        if not self._advance(frame):
            return []
        try:
            event = parse_event(frame.data)
        except MalformedEvent as error:
            logger.info("stream %s: an event of a newer version is left out: %s", self._path, error)
            return []
        if event.revision <= self._snapshot_revision.get(event.subject, 0):
            return []
        return [event]

    def _advance(self, frame: ServerSentEvent) -> bool:
        """Move to the frame's position; returns whether that is ahead, so that the frame is no repeat."""
        if not frame.id:
            return True
        if self.cursor is not None and not _is_ahead(frame.id, self.cursor):
            return False
        self.cursor = frame.id
        return True

    def _pause(self, interruption: _Interrupted) -> float:
        wanted = interruption.retry_after_seconds or self._retry_seconds
        pause = min(wanted * 2.0 ** min(self._failures, _DOUBLINGS), _LONGEST_PAUSE_SECONDS)
        self._failures += 1
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients, guards nothing


def _is_ahead(position: str, other: str) -> bool:
    """Whether a position is after another one, or of another life of the stream."""
    try:
        ours, theirs = Cursor.parse(position), Cursor.parse(other)
    except InvalidCursor:
        return position != other
    return ours.epoch != theirs.epoch or ours.sequence > theirs.sequence


class Events:
    """Streams of events; `Client.events`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def job(
        self, job_id: str, *, after: str | None = None, watchdog_seconds: float = WATCHDOG_SECONDS
    ) -> EventStream:
        """Follow one job: its snapshot first (unless you come with a cursor), then its events, until it is over.

        A job that is over already has a snapshot and no events. After a `Reset` comes a new snapshot.
        """
        rules = Rules(
            after=after, on_reset="yield", begins_with_snapshot=True, watchdog_seconds=watchdog_seconds
        )
        return EventStream(self._transport, f"/v1/jobs/{quote(job_id, safe='')}/events", {}, rules)

    def scope(
        self,
        scope: str | None = None,
        *,
        types: Sequence[str] = (),
        after: str | None = None,
        on_reset: OnReset = "raise",
        watchdog_seconds: float = WATCHDOG_SECONDS,
    ) -> EventStream:
        """Follow what happens in a scope, for ever: from now on, or after a cursor.

        `types` are event types, also as patterns (`analysis.job.*`). When events after the cursor are gone it raises
        `CursorReset`, or yields a `Reset` and goes on.
        """
        rules = Rules(after=after, on_reset=on_reset, watchdog_seconds=watchdog_seconds)
        query = {"scope": scope, "types": ",".join(types) or None}
        return EventStream(self._transport, "/v1/events", query, rules)

    async def history(
        self,
        scope: str | None = None,
        *,
        after: str | None = None,
        types: Sequence[str] = (),
        limit: int | None = None,
    ) -> EventPage:
        """Read events that have happened after a cursor, for who does not stream; without one, only where the stream is."""
        query = {"scope": scope, "types": ",".join(types) or None, "cursor": after, "limit": limit}
        return await read_history(self._transport, query)
