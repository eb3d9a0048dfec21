"""All open streams: how many of whom, their pings, their maximum age, and how they end when the gateway stops."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from wayside_gateway.streams import control
from wayside_gateway.streams.control import Farewell
from wayside_gateway.streams.frame import Frame
from wayside_gateway.streams.place import Place
from wayside_gateway.streams.subscription import Ending, Subscription
from wayside_gateway.streams.topic import Topic

log = structlog.get_logger(__name__)

SLICES = 16
"""The pings of one interval go out in so many portions, so that thousands of them delay nothing."""

_DRAIN_STEPS_PER_SECOND = 20


class TooManyStreams(Exception):
    """One caller has as many streams open as allowed."""


class Connection:
    """One open stream. While it is live in a topic, `topic` says in which.

    It ends at `deadline`, in the event loop's time, for the reason `farewell`.
    """

    __slots__ = ("deadline", "farewell", "subscription", "topic")

    def __init__(self, subscription: Subscription, deadline: float, farewell: Farewell) -> None:
        self.subscription = subscription
        self.topic: Topic | None = None
        self.deadline = deadline
        self.farewell = farewell

    @property
    def place(self) -> Place | None:
        """Up to where the client has everything, when that can be said."""
        if self.topic is None or self.subscription.has_ended:
            return None
        self.topic.flush()
        if self.subscription.is_behind:
            return None
        cursor = self.topic.cursor
        return self.subscription.place(cursor.at(max(cursor.sequence, self.subscription.position)))

    def close(self, reason: Farewell) -> None:
        """Say goodbye with the client's cursor and end the stream."""
        self.subscription.put(control.bye(self.place, reason))
        self.subscription.end(Ending.CLOSED)


class Connections:
    """The open streams of this gateway, pinged and closed by one timer."""

    def __init__(self, *, ping_seconds: float, max_per_subject: int) -> None:
        self._ping_seconds = ping_seconds
        self._max_per_subject = max_per_subject
        self._per_subject: Counter[str] = Counter()
        self._slices: list[dict[Connection, None]] = [{} for _ in range(SLICES)]
        self._next = 0
        self.is_draining = False

    def __len__(self) -> int:
        return sum(len(one) for one in self._slices)

    @contextmanager
    def admitted(self, subject: str) -> Iterator[None]:
        """Count one stream of a caller; raises `TooManyStreams`."""
        if self._per_subject[subject] >= self._max_per_subject:
            raise TooManyStreams
        self._per_subject[subject] += 1
        try:
            yield
        finally:
            self._per_subject[subject] -= 1
            if not self._per_subject[subject]:
                del self._per_subject[subject]

    @contextmanager
    def kept(self, connection: Connection) -> Iterator[None]:
        """Ping an open stream, and end it in time, for as long as the context lasts."""
        if self.is_draining:
            connection.close(Farewell.SHUTDOWN)
        self._next = (self._next + 1) % SLICES
        part = self._slices[self._next]
        part[connection] = None
        try:
            yield
        finally:
            del part[connection]

    async def run(self) -> None:
        """Ping and close what is due; runs until cancelled."""
        loop = asyncio.get_running_loop()
        started, tick = loop.time(), 0
        while True:
            tick += 1
            await asyncio.sleep(max(0.0, started + tick * self._ping_seconds / SLICES - loop.time()))
            try:
                self._beat(self._slices[tick % SLICES], loop.time())
            except Exception:
                log.exception("ping_failed")

    async def drain(self, seconds: float) -> None:
        """Close all streams, evenly spread over `seconds`; their handlers end soon after."""
        self.is_draining = True
        waiting = [connection for part in self._slices for connection in part]
        random.shuffle(waiting)
        steps = max(1, int(seconds * _DRAIN_STEPS_PER_SECOND))
        for step in range(steps, 0, -1):
            portion = -(-len(waiting) // step)
            for connection in waiting[:portion]:
                connection.close(Farewell.SHUTDOWN)
            del waiting[:portion]
            if not waiting:
                break
            await asyncio.sleep(1 / _DRAIN_STEPS_PER_SECOND)

    def _beat(self, part: dict[Connection, None], now: float) -> None:
        plain = control.ping()
        shared: dict[tuple[Topic, int], Frame] = {}
        for connection in tuple(part):
            if now >= connection.deadline:
                connection.close(connection.farewell)
            elif not connection.subscription.is_behind:
                connection.subscription.put(_ping_for(connection, shared) or plain)


def _ping_for(connection: Connection, shared: dict[tuple[Topic, int], Frame]) -> Frame | None:
    """Return the ping that tells its client how far it is; clients that are equally far share it."""
    topic, subscription = connection.topic, connection.subscription
    if topic is None:
        return None
    topic.flush()
    equally_far = topic, subscription.known_revision
    if equally_far not in shared:
        shared[equally_far] = control.ping(subscription.place(topic.cursor))
    ping = shared[equally_far]
    return ping if ping.sequence >= subscription.position else None
