"""A stream of events in memory, its live feed with holes, and clients that stall, are cut and resume."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from wayside_events.cursor import Cursor
from wayside_gateway.streams.catchup import CursorLost
from wayside_gateway.streams.connections import Connection, Connections
from wayside_gateway.streams.control import Farewell
from wayside_gateway.streams.feed import Feed, SourceUnavailable, frame_of
from wayside_gateway.streams.following import Following
from wayside_gateway.streams.frame import Batch, Encoder, Frame
from wayside_gateway.streams.history import HistoryLimits
from wayside_gateway.streams.lanes import LaneLimits
from wayside_gateway.streams.place import Known, Place
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.subscription import Subscription
from wayside_gateway.streams.topic import Topic, batch_for
from wayside_gateway.streams.wanted import Wanted

SCOPE, JOB = "acme", "a"
PROGRESS = "analysis.job.progress"
PAGE = 3
RECALL_SPAN = 2
QUIET_ROUNDS = 50


@dataclass(frozen=True)
class Stored:
    """An event in the stream; `previous` is the sequence before it on the same subject, which is its revision too."""

    subject: str
    sequence: int
    previous: int
    payload: bytes = b"{}"

    @property
    def headers(self) -> Mapping[str, str]:
        return MappingProxyType(
            {"Nats-Last-Sequence": str(self.previous), "Nats-Msg-Id": f"{self.entity_id}:{self.sequence}"}
        )

    @property
    def entity_id(self) -> str:
        return self.subject.rpartition(".")[2]

    @property
    def scope(self) -> str:
        return self.subject.split(".")[3]

    @property
    def is_progress(self) -> bool:
        return self.subject.startswith(PROGRESS)


@dataclass
class State:
    position: Cursor
    first: int

    def keeps_all_after(self, cursor: Cursor) -> bool:
        same = cursor.epoch == self.position.epoch
        return same and self.first <= cursor.sequence + 1 and cursor.sequence <= self.position.sequence


class Stream:
    """All events, those of other scopes too; a live feed that may lose some and then says so."""

    def __init__(self) -> None:
        self.events: list[Stored] = []
        self.ever: list[Stored] = []
        self.epoch = 1
        self.last = 0
        self.first = 1
        self.is_available = True
        self.feed: Feed | None = None
        self._in_flight: list[Stored] = []
        self._newest: dict[str, int] = {}

    @property
    def position(self) -> Cursor:
        return Cursor(f"{self.epoch:x}", self.last)

    def publish(self, event_type: str, scope: str, job: str) -> None:
        subject = f"{event_type}.{scope}.{job}"
        self.last += 1
        stored = Stored(subject, self.last, self._newest.get(subject, 0))
        self._newest[subject] = self.last
        self.events.append(stored)
        self.ever.append(stored)
        if scope == SCOPE:
            self._in_flight.append(stored)

    def arrive(self) -> None:
        """What is on its way reaches the gateway."""
        arriving, self._in_flight = self._in_flight, []
        for stored in arriving:
            if self.feed is not None:
                self.feed.deliver(stored)

    def lose(self) -> None:
        """What is on its way does not arrive; the bus notices."""
        self._in_flight.clear()
        if self.feed is not None:
            self.feed.gap()

    def lose_unnoticed(self, count: int) -> None:
        """The first few on their way do not arrive, and nobody notices."""
        del self._in_flight[:count]

    def purge(self) -> None:
        self.events.clear()
        self.first = self.last + 1

    def recreate(self) -> None:
        """The stream is another one, which begins at 1."""
        self.events.clear()
        self.ever.clear()
        self._newest.clear()
        self._in_flight.clear()
        self.epoch, self.last, self.first = self.epoch + 1, 0, 1

    async def state(self) -> State:
        await asyncio.sleep(0)
        if not self.is_available:
            raise SourceUnavailable
        return State(self.position, self.first)

    async def messages(self, scope: str, *, after: int, upto: int) -> AsyncIterator[Sequence[Stored]]:
        for page in self._pages(after, upto, lambda stored: stored.scope == scope):
            await asyncio.sleep(0)
            if not self.is_available:
                raise SourceUnavailable
            yield page

    async def replay(self, topic: Topic, wanted: Wanted, after: Cursor, upto: int) -> AsyncIterator[Batch]:
        async for page in self.messages(topic.scope, after=after.sequence, upto=upto):
            if frames := wanted.select(frame_of(stored, after.epoch) for stored in page):
                yield batch_for(wanted, frames)
        if not (await self.state()).keeps_all_after(after):
            raise CursorLost(after)

    async def recall(self, topic: Topic, wanted: Wanted, after: Cursor) -> bool:
        if wanted.entities or topic.history.start - after.sequence > RECALL_SPAN:
            return False
        history, frames = topic.history, list[Frame]()
        upto = history.start
        async for page in self.messages(topic.scope, after=after.sequence, upto=upto):
            frames.extend(frame_of(stored, after.epoch) for stored in page)
        if (await self.state()).keeps_all_after(after):
            history.extend_back(frames, after=after.sequence, upto=upto)
        return topic.history.start <= after.sequence

    def _pages(self, after: int, upto: int, accepts: Callable[[Stored], bool]) -> list[list[Stored]]:
        wanted = [one for one in self.events if after < one.sequence <= upto and accepts(one)]
        return [wanted[start : start + PAGE] for start in range(0, len(wanted), PAGE)]


def encode(frame: Frame) -> bytes:
    return f"{frame.name}|{frame.cursor or ''}|{frame.entity_id}\n".encode()


class Pipe:
    """A connection that holds a little, and loses what it holds when it is cut."""

    def __init__(self, receive: Callable[[bytes], None]) -> None:
        self._receive = receive
        self._held: list[bytes] = []
        self._drained: asyncio.Future[None] | None = None
        self.is_stalled = False
        self.is_cut = False

    @property
    def encoder(self) -> Encoder:
        return encode

    @property
    def is_writable(self) -> bool:
        return not self.is_cut and not self._held

    def write(self, data: bytes) -> None:
        if self.is_cut:
            return
        if self.is_stalled:
            self._held.append(data)
        else:
            self._receive(data)

    async def drained(self) -> None:
        while self._held and not self.is_cut:
            self._drained = self._drained or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._drained)
        if self.is_cut:
            raise ConnectionResetError

    def read(self) -> None:
        self.is_stalled = False
        held, self._held = self._held, []
        for data in held:
            self._receive(data)
        self._wake()

    def abort(self) -> None:
        self.is_cut = True
        self._held.clear()
        self._wake()

    def _wake(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None


@dataclass
class Client:
    """Somebody who wants events, over as many connections as it takes. `got` are the cursors of the events.

    With `known`, it has a snapshot of `JOB` that contains the events up to that revision.
    """

    wanted: Wanted
    start: Cursor
    known: int = 0
    got: list[Cursor] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    resets: list[Cursor] = field(default_factory=list)
    is_over: bool = False

    def __post_init__(self) -> None:
        self.place = Place(self.start, self.known)
        self.pipe = Pipe(self._receive)
        self.task: asyncio.Task[None] | None = None

    @property
    def is_disconnected(self) -> bool:
        if self.task is None or not self.task.done():
            return False
        if not self.task.cancelled():
            self.task.result()
        return True

    def _receive(self, data: bytes) -> None:
        for line in data.decode().splitlines():
            name, cursor, _ = line.split("|")
            self.names.append(name)
            if cursor:
                self.place = Place.parse(cursor)
            if name == "wayside.reset":
                self.resets.append(self.place.cursor)
            elif name == "wayside.end":
                self.is_over = True
            elif not name.startswith("wayside."):
                self.got.append(self.place.cursor)


class World:
    """A gateway's one scope, and its clients."""

    def __init__(self, *, history_frames: int = 4, lane_frames: int = 3) -> None:
        self.stream = Stream()
        self.stats = Stats()
        self.topic = Topic(SCOPE, HistoryLimits(max_frames=history_frames))
        self.feed = self.stream.feed = Feed(self.topic, self.stream, self.stats)
        self.connections = Connections(ping_seconds=1, max_per_subject=100)
        self.clients: list[Client] = []
        self._lanes = LaneLimits(max_frames=lane_frames)

    def join(self, wanted: Wanted, start: Cursor, known: int = 0) -> Client:
        client = Client(wanted, start, known)
        self.clients.append(client)
        self.connect(client)
        return client

    def connect(self, client: Client) -> None:
        client.pipe = Pipe(client._receive)
        client.task = asyncio.create_task(self._serve(client))

    async def cut(self, client: Client) -> None:
        """Drop the connection, as when the client is gone."""
        client.pipe.abort()
        if client.task is not None:
            client.task.cancel()
            with suppress(asyncio.CancelledError):
                await client.task

    def ping(self) -> None:
        for part in self.connections._slices:
            self.connections._beat(part, 0)

    async def settle(self) -> None:
        """Let everybody get everything."""
        self.stream.is_available = True
        self.stream.arrive()
        await self.check()
        quiet = 0
        while quiet < QUIET_ROUNDS:
            before = self._progress()
            for client in self.clients:
                client.pipe.read()
                if client.is_disconnected and not client.is_over:
                    self.connect(client)
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._progress() == before else 0

    async def close(self) -> None:
        for client in self.clients:
            await self.cut(client)
        await self.feed.close()

    async def state(self) -> State:
        return await self.stream.state()

    async def check(self) -> None:
        if self.topic.cursor.epoch != (await self.state()).position.epoch:
            self.feed.gap()

    def _progress(self) -> object:
        seen = [len(client.names) for client in self.clients]
        return seen, self.topic.cursor, self.feed._repairing

    async def _serve(self, client: Client) -> None:
        """What a route does with one connection."""
        subscription = Subscription(client.wanted, client.pipe, self._lanes, self.stats)
        subscription.knows(Known(JOB, client.place.revision))
        connection = Connection(subscription, float("inf"), Farewell.MAX_AGE)
        following = Following(connection, self.topic, self, self.stream, self.stats)
        with self.connections.kept(connection), suppress(ConnectionError, SourceUnavailable):
            await following.stay(client.place.cursor)
