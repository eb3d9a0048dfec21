"""The splice: from a cursor to the live feed without a gap and without a repeat."""

from collections.abc import AsyncIterator
from typing import Protocol

from wayside_events.cursor import Cursor
from wayside_gateway.streams.frame import Batch
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.subscription import Subscription
from wayside_gateway.streams.topic import Topic
from wayside_gateway.streams.wanted import Wanted


class CursorLost(Exception):
    """Events after a cursor are gone, or it belongs to another stream: the client fetches state again."""

    def __init__(self, cursor: Cursor) -> None:
        super().__init__(str(cursor))
        self.cursor = cursor


class Reader(Protocol):
    """Reads stored events; raises `SourceUnavailable`."""

    def replay(self, topic: Topic, wanted: Wanted, after: Cursor, upto: int) -> AsyncIterator[Batch]:
        """Yield the wanted events after a cursor up to a sequence, in order.

        Raises `CursorLost`, after what is left, when some are no longer kept.
        """
        ...

    async def recall(self, topic: Topic, wanted: Wanted, after: Cursor) -> bool:
        """Extend the topic's history back to a cursor, when that is a short way and helps others too."""
        ...


async def follow(
    subscription: Subscription, topic: Topic, after: Cursor, reader: Reader, stats: Stats
) -> None:
    """Send what came after `after` and make the client live; returns when it is, or when its stream has ended.

    The topic has every event of the scope above its history's start. So it is enough to replay up to there, at
    the pace of the client, and to join in the very tick in which that still holds. Raises `CursorLost`.
    """
    subscription.position = after.sequence
    may_recall, has_replayed = True, False
    while not subscription.has_ended:
        await subscription.ready()
        if topic.cursor.epoch != after.epoch:
            raise CursorLost(after)
        if topic.join(subscription):
            stats.resumed_from_history += not has_replayed
            return
        position = after.at(subscription.position)
        if may_recall and await reader.recall(topic, subscription.wanted, position):
            may_recall = False
            continue
        stats.replays += not has_replayed
        has_replayed = True
        upto = topic.history.start
        async for batch in reader.replay(topic, subscription.wanted, position, upto):
            if not await subscription.send(batch):
                return
        subscription.position = max(subscription.position, upto)
