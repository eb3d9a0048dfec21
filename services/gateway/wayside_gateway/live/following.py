"""One stream and the topic it follows."""

from collections.abc import AsyncIterator

from wayside_events.cursor import Cursor
from wayside_gateway.events import Feeds, Replays
from wayside_gateway.sse.stream import ClientStream
from wayside_gateway.streams import control
from wayside_gateway.streams.catchup import CursorLost, follow
from wayside_gateway.streams.connections import Connection
from wayside_gateway.streams.control import ResetReason
from wayside_gateway.streams.feed import SourceUnavailable
from wayside_gateway.streams.frame import Batch
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.subscription import Ending
from wayside_gateway.streams.topic import Topic, reset_reason
from wayside_gateway.streams.wanted import Wanted

_LOST_IN_A_ROW = 3


class Following:
    """Sends a client the events of a topic, from a cursor on, until its stream ends or continuity is lost."""

    def __init__(
        self, stream: ClientStream, topic: Topic, feeds: Feeds, replays: Replays, stats: Stats
    ) -> None:
        self.topic = topic
        self._stream = stream
        self._feeds = feeds
        self._replays = replays
        self._stats = stats
        self._lost = 0

    async def loss(self, cursor: Cursor) -> ResetReason | None:
        """Say why `cursor` cannot be continued; `None` when it can."""
        topic = self.topic
        if (
            cursor.epoch == topic.cursor.epoch
            and topic.history.start <= cursor.sequence <= topic.cursor.sequence
        ):
            return None
        state = await self._feeds.state()
        return None if state.keeps_all_after(cursor) else reset_reason(cursor, state.position)

    def reset(self, reason: ResetReason, *, resume: bool) -> Cursor:
        """Tell the client to fetch state again; with `resume`, that it may resume from here. Return where it is."""
        position = self.topic.cursor
        self._stream.subscription.restart()
        self._stream.subscription.put(control.reset(position, reason, resume=resume))
        return position

    async def run(self, after: Cursor, connection: Connection) -> ResetReason | None:
        """Follow; return why the client has to be reset, or `None` when the stream is over."""
        subscription = self._stream.subscription
        try:
            await follow(subscription, self.topic, after, self._replay, self._stats)
        except CursorLost:
            return await self._lost_reason(after)
        self._lost = 0
        connection.topic = self.topic
        try:
            ending = await subscription.ended()
        finally:
            connection.topic = None
            self.topic.leave(subscription)
        return reset_reason(after, self.topic.cursor) if ending is Ending.RESET else None

    def _replay(self, wanted: Wanted, after: Cursor, upto: int) -> AsyncIterator[Batch]:
        return self._replays.replay(self.topic.scope, wanted, after, upto)

    async def _lost_reason(self, after: Cursor) -> ResetReason:
        """Have the feed look at the stream before trying again: it may not know yet that it is a new one."""
        self._lost += 1
        if self._lost == _LOST_IN_A_ROW:
            raise SourceUnavailable("the event stream is being created anew")
        await self._feeds.check()
        return reset_reason(after, self.topic.cursor)
