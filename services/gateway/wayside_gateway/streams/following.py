"""One client following one topic, over every loss of continuity."""

from typing import Protocol

from wayside_events.cursor import Cursor
from wayside_gateway.streams import control
from wayside_gateway.streams.catchup import CursorLost, Reader, follow
from wayside_gateway.streams.connections import Connection
from wayside_gateway.streams.control import ResetReason
from wayside_gateway.streams.feed import SourceUnavailable, State
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.subscription import Ending
from wayside_gateway.streams.topic import Topic

_LOST_IN_A_ROW = 3


class Origin(Protocol):
    """Where the topic's events come from; both raise `SourceUnavailable`."""

    async def state(self) -> State:
        """Ask where the stream is."""
        ...

    async def check(self) -> None:
        """Have topics of another stream than the present one begin anew, soon."""
        ...


class Following:
    """Sends a client the events of a topic, from a cursor on, until its stream ends or continuity is lost."""

    def __init__(
        self, connection: Connection, topic: Topic, origin: Origin, reader: Reader, stats: Stats
    ) -> None:
        self.topic = topic
        self._connection = connection
        self._origin = origin
        self._reader = reader
        self._stats = stats
        self._losses = 0

    async def stay(self, position: Cursor) -> None:
        """Follow until the stream is over; the client is told when it has to fetch state again."""
        loss = await self.loss(position)
        while True:
            if loss is not None:
                position = self.reset(loss, resume=True)
            loss = await self.run(position)
            if loss is None:
                return

    async def loss(self, cursor: Cursor) -> ResetReason | None:
        """Say why `cursor` cannot be continued; `None` when it can."""
        here = self.topic.cursor
        if cursor.epoch == here.epoch and self.topic.history.start <= cursor.sequence <= here.sequence:
            return None
        state = await self._origin.state()
        return None if state.keeps_all_after(cursor) else reset_reason(cursor, state.position)

    def reset(self, reason: ResetReason, *, resume: bool) -> Cursor:
        """Tell the client to fetch state again; with `resume`, that it may resume from here. Return where it is."""
        position = self.topic.cursor
        self._connection.subscription.restart()
        self._connection.subscription.put(control.reset(position, reason, resume=resume))
        return position

    async def run(self, after: Cursor) -> ResetReason | None:
        """Follow; return why the client has to be reset, or `None` when the stream is over."""
        connection, topic = self._connection, self.topic
        subscription = connection.subscription
        try:
            await follow(subscription, topic, after, self._reader, self._stats)
            self._losses = 0
            connection.topic = topic
            ending = await subscription.ended()
        except CursorLost:
            await self._look_again()
            return reset_reason(after, topic.cursor)
        finally:
            connection.topic = None
            topic.leave(subscription)
        return reset_reason(after, topic.cursor) if ending is Ending.RESET else None

    async def _look_again(self) -> None:
        """Have the topic's feed look at the stream: it may not know yet that it is a new one."""
        self._losses += 1
        if self._losses == _LOST_IN_A_ROW:
            raise SourceUnavailable("the event stream is being created anew")
        await self._origin.check()


def reset_reason(old: Cursor, new: Cursor) -> ResetReason:
    """Say why `old` cannot be continued in a stream that is at `new`."""
    return ResetReason.EPOCH if old.epoch != new.epoch else ResetReason.EXPIRED
