"""The splice: from a cursor to the live feed without a gap and without a repeat."""

from collections.abc import AsyncIterator, Callable

from wayside_events.cursor import Cursor
from wayside_gateway.streams.frame import Batch
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.subscription import Subscription
from wayside_gateway.streams.topic import Topic
from wayside_gateway.streams.wanted import Wanted

Replay = Callable[[Wanted, Cursor, int], AsyncIterator[Batch]]
"""Reads the wanted events after a cursor up to a sequence from the stream, in order.

Raises `CursorLost` when some are no longer kept.
"""


class CursorLost(Exception):
    """Events after a cursor are gone, or it belongs to another stream: the client fetches state again."""

    def __init__(self, cursor: Cursor) -> None:
        super().__init__(str(cursor))
        self.cursor = cursor


async def follow(
    subscription: Subscription, topic: Topic, after: Cursor, replay: Replay, stats: Stats
) -> None:
    """Send what came after `after` and make the client live; returns when it is, or when its stream has ended.

    The topic has every event of the scope above its history's start. So it is enough to replay up to there, at
    the pace of the client, and to join in the very tick in which that still holds. Raises `CursorLost`.
    """
    subscription.position = after.sequence
    replayed = False
    while not subscription.has_ended:
        await subscription.ready()
        if topic.cursor.epoch != after.epoch:
            raise CursorLost(after)
        if topic.join(subscription):
            stats.resumed_from_history += not replayed
            return
        upto = topic.history.start
        stats.replays += not replayed
        replayed = True
        async for batch in replay(subscription.wanted, after.at(subscription.position), upto):
            if not await subscription.send(batch):
                return
        subscription.position = max(subscription.position, upto)
