"""From a cursor to the live feed."""

import pytest
from tests.gateway.streams.frames import LOG, Sink, event, subscription
from tests.gateway.streams.model import SCOPE, Stream

from wayside_events.cursor import Cursor
from wayside_gateway.streams.catchup import CursorLost, follow
from wayside_gateway.streams.history import HistoryLimits
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.topic import Topic
from wayside_gateway.streams.wanted import Wanted


@pytest.fixture
def stream() -> Stream:
    stream = Stream()
    for _ in range(10):
        stream.publish(LOG, SCOPE, "a")
    return stream


@pytest.fixture
async def topic() -> Topic:
    """It knows the events from 6 on."""
    topic = Topic(SCOPE, HistoryLimits())
    topic.reset(Cursor("1", 5))
    topic.publish(event(sequence) for sequence in range(6, 11))
    return topic


async def sequences_after(
    cursor: Cursor, topic: Topic, stream: Stream, wanted: Wanted | None = None
) -> list[int]:
    sink = Sink()
    await follow(subscription(sink, wanted), topic, cursor, stream, Stats())
    assert sink.sequences[-1] == max(10, cursor.sequence), "caught up"
    return sink.sequences[:-1]


@pytest.mark.parametrize("after", range(12))
async def test_everything_after_the_cursor_is_sent_once(topic: Topic, stream: Stream, after: int) -> None:
    assert await sequences_after(Cursor("1", after), topic, stream) == list(range(after + 1, 11))


async def test_a_stream_that_ends_in_its_replay_does_not_go_live(topic: Topic, stream: Stream) -> None:
    sink = Sink()
    one = subscription(sink, Wanted(entities=frozenset({"a"}), until=frozenset({LOG})))
    await follow(one, topic, Cursor("1", 2), stream, Stats())
    assert sink.sequences == [3, 3]
    assert topic.is_idle


async def test_a_cursor_of_another_stream_is_lost(topic: Topic, stream: Stream) -> None:
    with pytest.raises(CursorLost):
        await sequences_after(Cursor("2", 7), topic, stream)


async def test_a_cursor_whose_events_are_gone_is_lost(topic: Topic, stream: Stream) -> None:
    stream.purge()
    with pytest.raises(CursorLost):
        await sequences_after(Cursor("1", 2), topic, stream)


async def test_who_follows_everything_has_the_history_extended(topic: Topic, stream: Stream) -> None:
    await sequences_after(Cursor("1", 4), topic, stream)
    assert topic.history.start == 4
    await sequences_after(Cursor("1", 3), topic, stream, Wanted(entities=frozenset({"a"})))
    assert topic.history.start == 4
