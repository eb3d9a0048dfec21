"""One scope's events on their way from the feed to the clients."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable

from wayside_events.cursor import Cursor
from wayside_gateway.streams import control
from wayside_gateway.streams.frame import Batch, Frame
from wayside_gateway.streams.history import History, HistoryLimits
from wayside_gateway.streams.subscription import Ending, Subscription
from wayside_gateway.streams.wanted import Wanted

Schedule = Callable[[Callable[[], None]], object]
"""Calls a function soon, in another tick."""


class Channel:
    """All clients that want the same: they get the same bytes."""

    __slots__ = ("_accepted", "pending", "subscriptions", "wanted")

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.subscriptions: dict[Subscription, None] = {}
        self.pending: list[Frame] = []
        self._accepted: dict[str, bool] = {}

    def accepts(self, frame: Frame) -> bool:
        """Whether its clients want an event about an entity this channel is for."""
        accepted = self._accepted.get(frame.name)
        if accepted is None:
            accepted = self._accepted[frame.name] = Wanted(self.wanted.types).matches(frame)
        return accepted


class Topic:
    """The events of one scope: routed as they come, sent once per tick, the recent ones kept.

    `cursor` is how far the scope is known: every event of it up to there was published here.
    """

    def __init__(self, scope: str, limits: HistoryLimits, schedule: Schedule | None = None) -> None:
        self.scope = scope
        self.cursor = Cursor("", 0)
        self.history = History(limits)
        self._limits = limits
        self._schedule = schedule or asyncio.get_running_loop().call_soon
        self._channels: dict[Wanted, Channel] = {}
        self._wide: list[Channel] = []
        self._by_entity: defaultdict[str, list[Channel]] = defaultdict(list)
        self._dirty: list[Channel] = []

    @property
    def is_idle(self) -> bool:
        """Whether no client is here."""
        return not self._channels

    def subscriptions(self) -> list[Subscription]:
        """Return all clients that are live."""
        return [one for channel in self._channels.values() for one in channel.subscriptions]

    def publish(self, frames: Iterable[Frame]) -> None:
        """Take the next events, in order; clients get them at the end of this tick."""
        for frame in frames:
            self.cursor = self.cursor.at(frame.sequence)
            self.history.append(frame)
            for channel in self._wide:
                self._enqueue(channel, frame)
            for channel in self._by_entity.get(frame.entity_id, ()):
                self._enqueue(channel, frame)

    def advance(self, sequence: int) -> None:
        """Take note that up to `sequence` the scope has no events but those published."""
        if sequence > self.cursor.sequence:
            self.cursor = self.cursor.at(sequence)

    def flush(self) -> None:
        """Send what was published since the last time."""
        dirty, self._dirty = self._dirty, []
        for channel in dirty:
            frames, channel.pending = channel.pending, []
            self._deliver(frames, channel.wanted, list(channel.subscriptions))

    def join(self, subscription: Subscription) -> bool:
        """Make a client live, after it was sent what it missed; false when that is more than is kept here."""
        self.flush()
        missed = self.history.after(subscription.position)
        if missed is None:
            return False
        wanted = subscription.wanted
        if frames := wanted.select(missed):
            self._deliver(frames, wanted, [subscription])
        if not subscription.has_ended:
            position = max(subscription.position, self.cursor.sequence)
            subscription.put(control.caught_up(subscription.place(self.cursor.at(position))))
            self._channel(wanted).subscriptions[subscription] = None
        return True

    def leave(self, subscription: Subscription) -> None:
        """Forget a client, live or not."""
        channel = self._channels.get(subscription.wanted)
        if channel is None:
            return
        channel.subscriptions.pop(subscription, None)
        if not channel.subscriptions:
            self._remove(channel)

    def reset(self, cursor: Cursor) -> None:
        """Begin anew at `cursor`: events were lost, or the stream is another one. Ends what is live."""
        self.flush()
        self.cursor = cursor
        self.history = History(self._limits, cursor.sequence)
        for subscription in self.subscriptions():
            self.leave(subscription)
            subscription.end(Ending.RESET)

    def _enqueue(self, channel: Channel, frame: Frame) -> None:
        if not channel.accepts(frame):
            return
        if not channel.pending:
            if not self._dirty:
                self._schedule(self.flush)
            self._dirty.append(channel)
        channel.pending.append(frame)

    def _deliver(self, frames: list[Frame], wanted: Wanted, subscriptions: Iterable[Subscription]) -> None:
        batch = batch_for(wanted, frames)
        for subscription in subscriptions:
            subscription.offer(batch)
            if batch.is_last:
                self.leave(subscription)

    def _channel(self, wanted: Wanted) -> Channel:
        channel = self._channels.get(wanted)
        if channel is None:
            channel = self._channels[wanted] = Channel(wanted)
            for channels in self._indexes(wanted):
                channels.append(channel)
        return channel

    def _remove(self, channel: Channel) -> None:
        del self._channels[channel.wanted]
        for channels in self._indexes(channel.wanted):
            channels.remove(channel)
        for entity in channel.wanted.entities:
            if not self._by_entity[entity]:
                del self._by_entity[entity]

    def _indexes(self, wanted: Wanted) -> list[list[Channel]]:
        return [self._by_entity[entity] for entity in wanted.entities] if wanted.entities else [self._wide]


def batch_for(wanted: Wanted, frames: list[Frame]) -> Batch:
    """Put events that are `wanted` into a batch; the one that ends the stream is followed by `wayside.end`."""
    for index, frame in enumerate(frames):
        if frame.name in wanted.until:
            return Batch([*frames[: index + 1], control.end(frame)], is_last=True)
    return Batch(frames)
