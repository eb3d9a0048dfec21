"""The bus: the one object through which events and requests meet NATS."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Self, TypeVar

from nats.aio.msg import Msg
from pydantic import BaseModel

from wayside_events.bus.connection import BusSettings, Connection, settled
from wayside_events.bus.consuming import EventConsumer
from wayside_events.bus.errors import nats_errors
from wayside_events.bus.live import LiveSubscription
from wayside_events.bus.messages import MESSAGE_ID_HEADER, OutgoingMessage, StoredMessage
from wayside_events.bus.publishing import (
    BatchRefused,
    StreamMissing,
    check_messages,
    publish_atomically,
    publish_one,
)
from wayside_events.bus.reading import DirectReader, matches
from wayside_events.bus.requests import Endpoint, ProblemOf, Server, exchange, no_problem, request
from wayside_events.bus.storage import StreamState, ensure_stream, read_state
from wayside_events.catalogue import AnyEvent
from wayside_events.cursor import Cursor
from wayside_events.envelope import Event
from wayside_events.stream import BATCH_LIMIT, StreamLimits
from wayside_events.subjects import EventFilter

R = TypeVar("R", bound=BaseModel)
E = TypeVar("E", bound=BaseModel)
T = TypeVar("T")

_ENTITIES_AT_ONCE = 50
"""Subject patterns in one question for the newest messages: each may match one subject per event type."""

Stop = Callable[[], Awaitable[None]]
"""Ends what was started."""


class Bus:
    """A connection to NATS, with the event stream.

    It connects in the background and for ever; whatever needs NATS raises `BusUnavailable` meanwhile.
    """

    def __init__(self, settings: BusSettings, limits: StreamLimits | None = None) -> None:
        self._connection = Connection(settings)
        self._limits = limits or StreamLimits()
        self._reader: DirectReader | None = None
        self._servers: list[Server] = []
        self._atomic: bool | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(
        cls,
        settings: BusSettings,
        limits: StreamLimits | None = None,
        *,
        timeout_seconds: float | None = 10.0,
    ) -> AsyncIterator[Self]:
        """Open a bus, wait for NATS, and close it in the end."""
        bus = cls(settings, limits)
        bus.start()
        try:
            await bus.ready(timeout_seconds)
            yield bus
        finally:
            await bus.close()

    def start(self) -> None:
        """Begin to connect in the background."""
        self._connection.start()

    async def ready(self, timeout_seconds: float | None = None) -> None:
        """Wait for the first connection; raises `BusUnavailable` after `timeout_seconds`."""
        await self._connection.wait(timeout_seconds)

    async def close(self) -> None:
        """Stop serving, flush and disconnect."""
        for server in self._servers:
            await server.close()
        await self._connection.close()

    @property
    def is_connected(self) -> bool:
        """Whether NATS can be reached right now."""
        return self._connection.is_connected

    @property
    def max_payload(self) -> int:
        """The largest message the server takes, in bytes."""
        return int(self._connection.require().max_payload)

    # The stream

    async def ensure_stream(self) -> StreamState:
        """Create the event stream where it does not exist; every service does so at start."""
        state = await ensure_stream(self._connection.require(), self._limits)
        self._atomic = state.atomic
        return state

    async def state(self) -> StreamState:
        """Ask where the stream is."""
        return await read_state(self._connection.require())

    async def position(self) -> Cursor:
        """Return the cursor after the newest event."""
        return (await self.state()).position

    # Publishing

    async def publish(self, event: Event[E]) -> Cursor:  # type: ignore[type-var]
        """Publish one event and wait until it is stored; a repeat of the same event is stored once."""
        message = OutgoingMessage(event.nats_subject, event.id, event.to_json())
        client = self._connection.require()
        state = await self.state()
        check_messages(client, [message])
        return state.position.at(await publish_one(client, message))

    async def publish_batch(self, messages: Sequence[OutgoingMessage]) -> None:
        """Publish in order and return when all are stored.

        Atomically where the server can; else, or when the server refuses a batch (it contains an event that is
        stored already), one by one, each acknowledged before the next is sent: order holds in every case.
        Raises `MessageTooLarge` before anything is sent, `PublishRefused` at the message in question,
        `BusUnavailable` when it is not known how far it came: sending all again is harmless.
        """
        client = self._connection.require()
        check_messages(client, messages)
        try:
            if self._atomic is None:
                await self.ensure_stream()
            for start in range(0, len(messages), BATCH_LIMIT):
                await self._publish_chunk(messages[start : start + BATCH_LIMIT])
        except StreamMissing:
            await self.ensure_stream()
            raise

    async def _publish_chunk(self, messages: Sequence[OutgoingMessage]) -> None:
        client = self._connection.require()
        if self._atomic and len(messages) > 1:
            with contextlib.suppress(BatchRefused):
                await publish_atomically(client, messages)
                return
        for message in messages:
            await publish_one(client, message)

    async def stored_message_ids(self, subjects: Sequence[str]) -> dict[str, str]:
        """Return, for each subject (wildcards allowed), the id of the newest stored message, where there is one."""
        found: dict[str, str] = {}
        for start in range(0, len(subjects), _ENTITIES_AT_ONCE):
            patterns = subjects[start : start + _ENTITIES_AT_ONCE]
            for message in await self._direct().newest(patterns):
                message_id = message.headers.get(MESSAGE_ID_HEADER)
                if message_id:
                    found.update((one, message_id) for one in patterns if matches(message.subject, [one]))
        return found

    # Reading

    async def events(
        self,
        *types: str,
        scope: str | None = None,
        entity_id: str | None = None,
        after: Cursor | None = None,
        durable: str | None = None,
    ) -> AsyncGenerator[AnyEvent, None]:
        """Yield typed events in stream order, until the bus closes; over reconnects nothing is left out.

        Without `after`, from now on. With `durable`, at least once over restarts of the caller: an event is
        acknowledged when the next is asked for, and one that was not comes again, perhaps after newer ones; `after`
        counts when the name is new. Raises `CursorExpired` when events in between are gone, `BusUnavailable` when the
        bus is closed.
        """
        consumer = EventConsumer(
            self._connection.require(), EventFilter(types, scope, entity_id), durable, after
        )
        async with contextlib.aclosing(consumer.events()) as events:
            async for event in events:
                yield event

    async def live(
        self,
        wanted: EventFilter,
        deliver: Callable[[StoredMessage], None],
        gap: Callable[[], None],
    ) -> LiveSubscription:
        """Subscribe to the live feed. `gap` is called when events may have been missed (reconnect, overflow)."""
        subscription = LiveSubscription(self._connection, deliver, gap)
        await subscription.start(wanted.live_subjects())
        return subscription

    def replay(self, wanted: EventFilter, *, after: int, upto: int) -> AsyncIterator[list[StoredMessage]]:
        """Yield stored events with `after` < sequence <= `upto`, in batches, not decoded."""
        return self._direct().replay(wanted, after, upto)

    # Requests and wake messages

    async def request(
        self,
        subject: str,
        body: BaseModel,
        reply_type: type[R],
        *,
        timeout_seconds: float = 5.0,
        headers: Mapping[str, str] | None = None,
    ) -> R:
        """Ask a service. Raises `RequestRefused`, `RequestTimedOut`, `BusUnavailable` or `MalformedReply`."""
        client = self._connection.require()
        return await request(
            client, subject, body, reply_type, timeout_seconds=timeout_seconds, headers=headers
        )

    async def exchange(
        self, subject: str, payload: bytes, read: Callable[[bytes], T], *, timeout_seconds: float
    ) -> T:
        """Ask a service with a body that is JSON already, and `read` its answer; raises as `request` does.

        What `read` refuses with a `ValidationError` is a `MalformedReply`.
        """
        client = self._connection.require()
        return await exchange(client, subject, payload, read, timeout_seconds=timeout_seconds)

    async def serve(
        self,
        *,
        name: str,
        version: str,
        endpoints: Sequence[Endpoint],
        problem_of: ProblemOf = no_problem,
    ) -> None:
        """Answer requests until the bus closes; all instances under one name share them."""
        server = Server(self._connection.require(), problem_of)
        try:
            with nats_errors(f"{name} cannot be served"):
                await server.start(name=name, version=version, endpoints=endpoints)
        except BaseException:
            await server.close()
            raise
        self._servers.append(server)

    async def notify(self, subject: str, payload: bytes = b"") -> None:
        """Send a core message that may be lost: a wake-up, never a fact."""
        with nats_errors(f"{subject} could not be notified"):
            await self._connection.require().publish(subject, payload)

    async def listen(self, subject: str, callback: Callable[[bytes], None]) -> Stop:
        """Call `callback` with the payload of every core message on `subject`; returns how to stop."""

        async def deliver(message: Msg) -> None:
            callback(message.data)

        client = self._connection.require()
        with nats_errors(f"{subject} cannot be listened to"):
            subscription = await client.subscribe(subject, cb=deliver)

        async def stop() -> None:
            if not client.is_closed:
                await subscription.unsubscribe()

        try:
            with nats_errors(f"{subject} cannot be listened to"):
                await settled(client, [subject])
        except BaseException:
            await stop()
            raise
        return stop

    def on_resume(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each reconnect; returns how to stop that."""
        return self._connection.on_resume(callback)

    def _direct(self) -> DirectReader:
        client = self._connection.require()
        if self._reader is None:
            self._reader = DirectReader(client)
        return self._reader
