"""Pings, ages, limits and the end of all streams."""

import asyncio
from contextlib import ExitStack

import pytest
from tests.eventually import eventually
from tests.gateway.streams.frames import Sink, event, subscription

from wayside_events.cursor import Cursor
from wayside_gateway.streams.connections import Connection, Connections, TooManyStreams
from wayside_gateway.streams.control import Farewell
from wayside_gateway.streams.history import HistoryLimits
from wayside_gateway.streams.subscription import Ending
from wayside_gateway.streams.topic import Topic
from wayside_gateway.streams.wanted import Wanted

NOTHING = Wanted(types=("no.such.type",))


def connection(
    sink: Sink, *, seconds: float = 3600, topic: Topic | None = None, wanted: Wanted = NOTHING
) -> Connection:
    deadline = asyncio.get_running_loop().time() + seconds
    made = Connection(subscription(sink, wanted), deadline, Farewell.MAX_AGE)
    if topic is not None:
        made.subscription.position = topic.cursor.sequence
        assert topic.join(made.subscription)
        made.topic = topic
        sink.written.clear()
    return made


@pytest.fixture
async def topic() -> Topic:
    topic = Topic("acme", HistoryLimits())
    topic.reset(Cursor("e", 3))
    return topic


async def run(connections: Connections, seconds: float) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(connections.run(), seconds)


async def test_each_stream_is_pinged_once_an_interval() -> None:
    connections = Connections(ping_seconds=0.1, max_per_subject=1)
    sinks = [Sink() for _ in range(40)]
    with ExitStack() as kept:
        for sink in sinks:
            kept.enter_context(connections.kept(connection(sink)))
        await run(connections, 0.35)
    assert {len(sink.written) for sink in sinks} <= {2, 3, 4}


async def test_a_ping_says_how_far_a_client_is_that_has_everything(topic: Topic) -> None:
    connections, sink = Connections(ping_seconds=0.05, max_per_subject=1), Sink()
    with connections.kept(connection(sink, topic=topic)):
        topic.publish([event(8)])
        await run(connections, 0.07)
    assert set(sink.sequences) == {8}


async def test_a_ping_comes_after_the_events_that_it_vouches_for(topic: Topic) -> None:
    connections, sink = Connections(ping_seconds=15, max_per_subject=1), Sink()
    live = connection(sink, topic=topic, wanted=Wanted())
    with connections.kept(live):
        topic.publish([event(8)])
        for part in connections._slices:
            connections._beat(part, 0)
    assert sink.sequences == [8, 8]


async def test_a_client_that_is_behind_is_not_pinged(topic: Topic) -> None:
    connections, sink = Connections(ping_seconds=0.05, max_per_subject=1), Sink()
    behind = connection(sink, topic=topic)
    with connections.kept(behind):
        sink.is_writable = False
        await run(connections, 0.12)
        sink.is_writable = True
        await behind.subscription.ready()
    assert sink.written == []


async def test_a_stream_that_is_old_enough_ends_with_its_cursor(topic: Topic) -> None:
    connections, sink = Connections(ping_seconds=0.05, max_per_subject=1), Sink()
    old = connection(sink, seconds=0, topic=topic)
    with connections.kept(old):
        await run(connections, 0.07)
        assert await old.subscription.ended() is Ending.CLOSED
    assert sink.sequences == [3]


async def test_one_caller_has_only_so_many_streams() -> None:
    connections = Connections(ping_seconds=15, max_per_subject=1)
    with (
        connections.admitted("ada"),
        connections.admitted("grace"),
        pytest.raises(TooManyStreams),
        connections.admitted("ada"),
    ):
        pass
    with connections.admitted("ada"):
        assert len(connections._per_subject) == 1


async def test_draining_is_spread_over_its_time() -> None:
    connections = Connections(ping_seconds=15, max_per_subject=1)
    open_ones = [connection(Sink()) for _ in range(10)]
    with ExitStack() as kept:
        for one in open_ones:
            kept.enter_context(connections.kept(one))
        draining = asyncio.create_task(connections.drain(0.5))
        assert await eventually(lambda: 0 < sum(one.subscription.has_ended for one in open_ones) < 10)
        await draining
    assert all(one.subscription.has_ended for one in open_ones)
