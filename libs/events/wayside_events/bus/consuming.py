"""Event consumption by other services: every event at least once (durable), or from a cursor on."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from nats.aio.msg import Msg
from nats.errors import Error

from wayside_events.bus.connection import ReconnectingClient
from wayside_events.bus.errors import BusError, BusUnavailable, CursorExpired, describe, nats_errors
from wayside_events.bus.messages import STATUS_HEADER
from wayside_events.bus.storage import read_state
from wayside_events.catalogue import AnyEvent, MalformedEvent, parse_event
from wayside_events.cursor import Cursor
from wayside_events.stream import STREAM_NAME
from wayside_events.subjects import EventFilter

logger = logging.getLogger("wayside.bus")

PULL_MESSAGES = 256
_PULL_SECONDS = 30
_HEARTBEAT_SECONDS = 5.0
_ACK_WAIT_SECONDS = 60.0
_FORGET_SECONDS = 300
_LEAVE_SECONDS = 2.0
_RETRY_SECONDS = 0.5
_REQUEST_SECONDS = 5.0
_NANOSECONDS = 1_000_000_000
_CONSUMER_NOT_FOUND = 10014
_CONFLICT = "409"
_IDLE = "100"


class _ConsumerLost(Exception):
    """The consumer is gone, fell silent or skipped something; it is made again from the last event seen."""


class _Sequences(NamedTuple):
    """Where a message is in the stream, and its number among all that its consumer delivered."""

    stream: int
    consumer: int


@dataclass(slots=True)
class EventConsumer:
    """One consumer on the event stream.

    With `durable`, the server remembers what was acknowledged under that name, over restarts; without, the
    consumer is thrown away and continues after the last event it delivered.
    """

    client: ReconnectingClient
    wanted: EventFilter
    durable: str | None
    after: Cursor | None
    _position: Cursor | None = None
    _received: int = 0
    _queue: asyncio.Queue[Msg] = field(default_factory=asyncio.Queue)
    _unsettled: deque[Msg] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._position = self.after

    async def events(self) -> AsyncGenerator[AnyEvent, None]:
        """Yield events in stream order; one is acknowledged when the next is asked for."""
        while True:
            try:
                async with contextlib.aclosing(self._session()) as session:
                    async for event in session:
                        yield event
            except (_ConsumerLost, BusUnavailable) as lost:
                if self.client.is_closed:
                    raise BusUnavailable("the bus is closed") from lost
                logger.info("event consumer starts again: %s", lost)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _session(self) -> AsyncGenerator[AnyEvent, None]:
        self._received = 0
        self._queue = asyncio.Queue(2 * PULL_MESSAGES)
        name = await (self._remembered(self.durable) if self.durable else self._thrown_away())
        inbox = self.client.new_inbox()
        with nats_errors("events cannot be received"):
            subscription = await self.client.subscribe(inbox, cb=self._arrive)
        holding = asyncio.create_task(self._hold(), name="hold-events")
        try:
            while True:
                newest = (await read_state(self.client)).position
                await self._pull(name, inbox)
                async for message in self._pulled(newest):
                    if event := _decode(message):
                        yield event
                    await self._settle()
                    self._advance(newest.at(_sequences(message).stream))
        finally:
            holding.cancel()
            with contextlib.suppress(Error, TimeoutError):
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await self.client.stop_deliveries(subscription)
            await self._give_back()
            with contextlib.suppress(Error):
                await subscription.unsubscribe()

    # The consumer on the server

    async def _thrown_away(self) -> str:
        """Make a consumer that goes on after the last event delivered; return its name."""
        config = {
            **self._starting_after(await self._checked_position()),
            "ack_policy": "none",
            "inactive_threshold": _FORGET_SECONDS * _NANOSECONDS,
            "mem_storage": True,
        }
        answer = await self._ask(f"CREATE.{STREAM_NAME}", {"stream_name": STREAM_NAME, "config": config})
        assert answer is not None, "a new consumer was not found"
        return str(answer["name"])

    async def _remembered(self, name: str) -> str:
        """Find or make the consumer of that name. One that is there goes on where it was, with our filter."""
        known = await self._ask(f"INFO.{STREAM_NAME}.{name}", {})
        if known is None:
            config = await self._new_durable(name)
        else:
            config = known["config"]
            if set(config.get("filter_subjects") or ()) == set(self.wanted.subjects()):
                return name
            config["filter_subjects"] = list(self.wanted.subjects())
            config.pop("filter_subject", None)
        await self._ask(
            f"DURABLE.CREATE.{STREAM_NAME}.{name}", {"stream_name": STREAM_NAME, "config": config}
        )
        return name

    async def _new_durable(self, name: str) -> dict[str, Any]:
        start = {"filter_subjects": list(self.wanted.subjects()), "deliver_policy": "new"}
        if self._position is not None:
            start = self._starting_after(await self._checked_position())
        ack_wait = round(_ACK_WAIT_SECONDS * _NANOSECONDS)
        return {**start, "durable_name": name, "ack_policy": "explicit", "ack_wait": ack_wait}

    def _starting_after(self, position: Cursor) -> dict[str, Any]:
        return {
            "filter_subjects": list(self.wanted.subjects()),
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": position.sequence + 1,
        }

    async def _checked_position(self) -> Cursor:
        """Return where to go on, at first where the stream is now; raises `CursorExpired` when that is gone."""
        state = await read_state(self.client)
        self._position = self._position or state.position
        if not state.keeps_all_after(self._position):
            raise CursorExpired(self._position, state.position)
        return self._position

    def _advance(self, position: Cursor) -> None:
        """Remember how far events are dealt with; one that is delivered again does not lead back."""
        if self._position is None or position.sequence > self._position.sequence:
            self._position = position

    async def _ask(self, verb: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Ask the server about a consumer; `None` when there is none of that name."""
        with nats_errors("the event consumer cannot be reached"):
            reply = await self.client.request(
                f"$JS.API.CONSUMER.{verb}", orjson.dumps(body) if body else b"", timeout=_REQUEST_SECONDS
            )
        answer: dict[str, Any] = orjson.loads(reply.data)
        if not (refusal := answer.get("error")):
            return answer
        if refusal.get("err_code") == _CONSUMER_NOT_FOUND:
            return None
        if int(refusal["code"]) >= 500 or int(refusal["code"]) == 404:
            raise BusUnavailable(f"no event consumer could be made: {refusal['description']}")
        raise BusError(f"the server refused the event consumer: {refusal['description']}")

    # Messages

    async def _pull(self, name: str, inbox: str) -> None:
        body = {
            "batch": PULL_MESSAGES,
            "expires": _PULL_SECONDS * _NANOSECONDS,
            "idle_heartbeat": round(_HEARTBEAT_SECONDS * _NANOSECONDS),
        }
        with nats_errors("pulling events failed"):
            await self.client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{STREAM_NAME}.{name}", orjson.dumps(body), reply=inbox
            )

    async def _arrive(self, message: Msg) -> None:
        if self.durable and _status(message) is None:
            self._unsettled.append(message)
        await self._queue.put(message)

    async def _pulled(self, newest: Cursor) -> AsyncGenerator[Msg, None]:
        """Yield what one pull brings, each message as it arrives; return when the pull is used up.

        A heartbeat says that nothing is missing up to `newest`, where the stream was before the pull.
        """
        for _ in range(PULL_MESSAGES):
            message = await self._next()
            while (status := _status(message)) == _IDLE:
                self._check_complete(int((message.headers or {})["Nats-Last-Consumer"]))
                self._advance(newest)
                message = await self._next()
            if status in (_CONFLICT, "503"):
                raise _ConsumerLost((message.headers or {}).get("Description", "gone"))
            if status is not None:
                return
            self._received += 1
            self._check_complete(_sequences(message).consumer)
            yield message

    def _check_complete(self, delivered: int) -> None:
        """Raise `_ConsumerLost` when the server delivered more than came here: a connection broke in between."""
        if not self.durable and delivered != self._received:
            raise _ConsumerLost(f"{delivered} events were sent, {self._received} came")

    async def _next(self) -> Msg:
        try:
            async with asyncio.timeout(2 * _HEARTBEAT_SECONDS + 1):
                return await self._queue.get()
        except TimeoutError:
            raise _ConsumerLost("no heartbeat") from None

    # Acknowledgement, with `durable`

    async def _hold(self) -> None:
        """Keep the server from giving events to somebody else while they wait here or are worked on."""
        while self.durable:
            await asyncio.sleep(_ACK_WAIT_SECONDS / 3)
            for message in list(self._unsettled):
                with contextlib.suppress(Error):
                    await message.in_progress()

    async def _settle(self) -> None:
        """Acknowledge the oldest event that waits."""
        if not self.durable:
            return
        try:
            await self._unsettled.popleft().ack()
        except Error as error:
            raise _ConsumerLost(f"an acknowledgement could not be sent: {describe(error)}") from error

    async def _give_back(self) -> None:
        """Let the server deliver at once what was not acknowledged, instead of after the ack wait."""
        while self._unsettled:
            with contextlib.suppress(Error):
                await self._unsettled.popleft().nak()


def _decode(message: Msg) -> AnyEvent | None:
    """Read an event; one of a type that this version does not know is passed over."""
    try:
        return parse_event(message.data)
    except MalformedEvent as error:
        logger.warning("passed over a message on %s: %s", message.subject, error)
        return None


def _status(message: Msg) -> str | None:
    return (message.headers or {}).get(STATUS_HEADER)


def _sequences(message: Msg) -> _Sequences:
    """Read the acknowledgement subject (v1: from token 5 on; v2, with a domain: from token 7 on)."""
    tokens = message.reply.split(".")
    first = 5 if len(tokens) == 9 else 7
    return _Sequences(int(tokens[first]), int(tokens[first + 1]))
