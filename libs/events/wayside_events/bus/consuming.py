"""Event consumption by other services: every event at least once (durable), or from a cursor on."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from wayside_events.bus.errors import BusError, BusUnavailable, CursorExpired, describe
from wayside_events.bus.messages import STATUS_HEADER
from wayside_events.bus.storage import read_state
from wayside_events.catalogue import AnyEvent, MalformedEvent, parse_event
from wayside_events.cursor import Cursor
from wayside_events.stream import STREAM_NAME
from wayside_events.subjects import EventFilter

logger = logging.getLogger("wayside.bus")

PULL_MESSAGES = 256
_PULL_SECONDS = 30
_HEARTBEAT_SECONDS = 5
_ACK_WAIT_SECONDS = 60
_FORGET_SECONDS = 300
_RETRY_SECONDS = 0.5
_NANOSECONDS = 1_000_000_000
_CONFLICT = "409"
_IDLE = "100"


class _ConsumerLost(Exception):
    """The consumer is gone or fell silent; it is made again from the last event seen."""


@dataclass(slots=True)
class EventConsumer:
    """One consumer on the event stream.

    With `durable`, the server remembers what was acknowledged under that name, over restarts; without, the
    consumer is thrown away and continues after the last event it delivered.
    """

    client: Client
    wanted: EventFilter
    durable: str | None
    after: Cursor | None
    _last_sequence: int | None = None
    _open: Msg | None = None
    _queue: asyncio.Queue[Msg] = field(default_factory=lambda: asyncio.Queue(2 * PULL_MESSAGES))

    async def events(self) -> AsyncGenerator[AnyEvent, None]:
        """Yield events in stream order; one is acknowledged when the next is asked for."""
        if self.after is not None:
            await self._check_cursor(self.after)
        while True:
            try:
                async with contextlib.aclosing(self._session()) as session:
                    async for event in session:
                        yield event
            except (_ConsumerLost, BusUnavailable) as lost:
                logger.info("event consumer starts again: %s", lost)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _check_cursor(self, cursor: Cursor) -> None:
        state = await read_state(self.client)
        if not state.keeps_all_after(cursor):
            raise CursorExpired(cursor, state.position)
        self._last_sequence = cursor.sequence

    async def _session(self) -> AsyncGenerator[AnyEvent, None]:
        name = await self._create()
        inbox = self.client.new_inbox()
        subscription = await self.client.subscribe(inbox, cb=self._queue.put)
        try:
            while True:
                await self._pull(name, inbox)
                async for message in self._pulled():
                    self._open = message
                    if event := _decode(message):
                        yield event
                    await self._done(message)
                    self._open = None
                    self._last_sequence = _sequence(message)
        finally:
            with contextlib.suppress(Error):
                await subscription.unsubscribe()
                await self._give_back()

    async def _create(self) -> str:
        config = self._configuration()
        name = self.durable
        subject = f"$JS.API.CONSUMER.DURABLE.CREATE.{STREAM_NAME}.{name}" if name else None
        subject = subject or f"$JS.API.CONSUMER.CREATE.{STREAM_NAME}"
        body = {"stream_name": STREAM_NAME, "config": config}
        try:
            reply = await self.client.request(subject, orjson.dumps(body), timeout=5)
        except Error as error:
            raise BusUnavailable(f"no event consumer could be made: {describe(error)}") from error
        answer: dict[str, Any] = orjson.loads(reply.data)
        if refusal := answer.get("error"):
            if int(refusal["code"]) >= 500 or int(refusal["code"]) == 404:
                raise BusUnavailable(f"no event consumer could be made: {refusal['description']}")
            raise BusError(f"the server refused the event consumer: {refusal['description']}")
        return str(answer["name"])

    def _configuration(self) -> dict[str, Any]:
        config: dict[str, Any] = {"filter_subjects": list(self.wanted.subjects()), "replay_policy": "instant"}
        if self._last_sequence is None or (self.durable and self.after is None):
            config["deliver_policy"] = "new"
        else:
            start = self.after.sequence if self.durable and self.after else self._last_sequence
            config |= {"deliver_policy": "by_start_sequence", "opt_start_seq": start + 1}
        if self.durable:
            ack_wait = _ACK_WAIT_SECONDS * _NANOSECONDS
            return config | {"durable_name": self.durable, "ack_policy": "explicit", "ack_wait": ack_wait}
        return config | {
            "ack_policy": "none",
            "inactive_threshold": _FORGET_SECONDS * _NANOSECONDS,
            "mem_storage": True,
        }

    async def _pull(self, name: str, inbox: str) -> None:
        body = {
            "batch": PULL_MESSAGES,
            "expires": _PULL_SECONDS * _NANOSECONDS,
            "idle_heartbeat": _HEARTBEAT_SECONDS * _NANOSECONDS,
        }
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM_NAME}.{name}"
        try:
            await self.client.publish(subject, orjson.dumps(body), reply=inbox)
        except Error as error:
            raise BusUnavailable(f"pulling events failed: {error}") from error

    async def _pulled(self) -> AsyncGenerator[Msg, None]:
        """Yield what one pull brings, each message as it arrives; return when the pull is used up."""
        for _ in range(PULL_MESSAGES):
            message = await self._next()
            while (status := (message.headers or {}).get(STATUS_HEADER)) == _IDLE:
                message = await self._next()
            if status in (_CONFLICT, "503"):
                raise _ConsumerLost((message.headers or {}).get("Description", "gone"))
            if status is not None:
                return
            yield message

    async def _next(self) -> Msg:
        try:
            return await asyncio.wait_for(self._queue.get(), 2 * _HEARTBEAT_SECONDS + 1)
        except TimeoutError:
            raise _ConsumerLost("no heartbeat") from None

    async def _give_back(self) -> None:
        """Let the server deliver at once what was pulled and not acknowledged, instead of after the ack wait."""
        waiting = [] if self._open is None else [self._open]
        while not self._queue.empty():
            waiting.append(self._queue.get_nowait())
        self._open = None
        for message in waiting:
            if self.durable and not (message.headers or {}).get(STATUS_HEADER):
                await message.nak()

    async def _done(self, message: Msg) -> None:
        if not self.durable:
            return
        try:
            await message.ack()
        except Error as error:
            raise _ConsumerLost(f"an acknowledgement could not be sent: {error}") from error


def _decode(message: Msg) -> AnyEvent | None:
    """Read an event; one of a type that this version does not know is passed over."""
    try:
        return parse_event(message.data)
    except MalformedEvent as error:
        logger.warning("passed over a message on %s: %s", message.subject, error)
        return None


def _sequence(message: Msg) -> int:
    """The stream sequence, from the acknowledgement subject (v1: token 5; v2, with a domain: token 7)."""
    tokens = message.reply.split(".")
    return int(tokens[5] if len(tokens) == 9 else tokens[7])
