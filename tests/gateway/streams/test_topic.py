"""Who gets what, and when it is written."""

from collections.abc import Callable

import pytest
from tests.gateway.streams.frames import LOG, PROGRESS, Sink, event, subscription

from wayside_events.cursor import Cursor
from wayside_gateway.streams.history import HistoryLimits
from wayside_gateway.streams.subscription import Ending
from wayside_gateway.streams.topic import Topic
from wayside_gateway.streams.wanted import Wanted


@pytest.fixture
def ticks() -> list[Callable[[], None]]:
    """What was put off to the next tick."""
    return []


@pytest.fixture
def topic(ticks: list[Callable[[], None]]) -> Topic:
    topic = Topic("acme", HistoryLimits(), ticks.append)
    topic.reset(Cursor("e", 0))
    return topic


def joined(topic: Topic, wanted: Wanted | None = None) -> Sink:
    sink = Sink()
    assert topic.join(subscription(sink, wanted))
    sink.written.clear()
    return sink


def test_events_of_one_tick_are_one_write(topic: Topic, ticks: list[Callable[[], None]]) -> None:
    sink = joined(topic)
    topic.publish([event(1)])
    topic.publish([event(2), event(3)])
    assert (len(ticks), sink.written) == (1, [])
    ticks.pop()()
    assert sink.written == [b"1 2 3 "]


def test_clients_that_want_the_same_get_the_same_bytes(topic: Topic) -> None:
    one, other = joined(topic), joined(topic)
    topic.publish([event(1)])
    topic.flush()
    assert one.written[0] is other.written[0]


def test_an_event_is_encoded_once_for_clients_that_want_different_things(topic: Topic) -> None:
    everything, logs = joined(topic), joined(topic, Wanted(types=(LOG,)))
    frame = event(1)
    topic.publish([frame])
    topic.flush()
    assert everything.written == logs.written
    assert len(frame._encoded) == 1


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), [1, 2, 3, 4]),
        (Wanted(types=(LOG,)), [1, 3]),
        (Wanted(types=("analysis.job.*",)), [1, 2, 3]),
        (Wanted(types=("edges.*.*", PROGRESS)), [2, 4]),
        (Wanted(entities=frozenset({"b"})), [3]),
        (Wanted(types=(LOG,), entities=frozenset({"a", "c"})), [1]),
    ],
)
def test_a_client_gets_what_it_wants(topic: Topic, wanted: Wanted, expected: list[int]) -> None:
    sink = joined(topic, wanted)
    topic.publish([event(1), event(2, PROGRESS), event(3, job="b"), event(4, "edges.edge.created", job="c")])
    topic.flush()
    assert sink.sequences == expected


def test_a_client_that_is_ahead_of_the_feed_gets_nothing_twice(topic: Topic) -> None:
    sink = Sink()
    ahead = subscription(sink)
    ahead.position = 2
    topic.join(ahead)
    sink.written.clear()
    topic.publish([event(1), event(2), event(3)])
    topic.flush()
    topic.publish([event(4)])
    topic.flush()
    assert sink.sequences == [3, 4]


def test_whoever_joins_gets_what_the_history_has_and_is_caught_up(topic: Topic) -> None:
    topic.publish([event(1), event(2), event(3)])
    sink = Sink()
    late = subscription(sink)
    late.position = 1
    assert topic.join(late)
    assert sink.sequences == [2, 3, 3]


def test_whoever_missed_more_than_the_history_has_cannot_join(topic: Topic) -> None:
    topic.reset(Cursor("e", 10))
    assert not topic.join(subscription(Sink()))
    assert topic.is_idle


def test_a_slow_client_delays_nobody(topic: Topic) -> None:
    slow, quick = joined(topic), joined(topic)
    slow.is_writable = False
    topic.publish([event(1)])
    topic.flush()
    assert (slow.written, quick.sequences) == ([], [1])


async def test_a_client_that_reads_again_gets_what_waited_and_then_the_new(topic: Topic) -> None:
    sink = Sink()
    one = subscription(sink)
    topic.join(one)
    sink.is_writable = False
    topic.publish([event(1), event(2, PROGRESS), event(3, PROGRESS)])
    topic.flush()
    sink.is_writable = True
    topic.publish([event(4)])
    topic.flush()
    await one.ready()
    assert sink.sequences == [0, 1, 3, 4]


async def test_a_client_that_is_too_far_behind_is_disconnected(topic: Topic) -> None:
    sink = Sink()
    one = subscription(sink, max_frames=2)
    topic.join(one)
    sink.is_writable = False
    topic.publish([event(1), event(2), event(3)])
    topic.flush()
    assert sink.is_aborted
    sink.is_writable = True
    assert await one.ended() is Ending.OVERFLOW


async def test_a_reset_ends_what_is_live(topic: Topic) -> None:
    sink = Sink()
    one = subscription(sink)
    topic.join(one)
    topic.reset(Cursor("f", 3))
    assert await one.ended() is Ending.RESET
    assert topic.is_idle


async def test_nothing_follows_the_end_of_a_job(topic: Topic) -> None:
    sink = Sink()
    one = subscription(sink, Wanted(entities=frozenset({"a"}), until=frozenset({"analysis.job.completed"})))
    topic.join(one)
    topic.publish([event(1), event(2, "analysis.job.completed"), event(3, "analysis.job.expired")])
    topic.flush()
    assert await one.ended() is Ending.COMPLETE
    assert sink.sequences == [0, 1, 2, 2]
    assert topic.is_idle
