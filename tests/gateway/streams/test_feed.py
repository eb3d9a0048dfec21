"""A live feed with holes, and what is published of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.eventually import eventually
from tests.gateway.streams.frames import LOG
from tests.gateway.streams.model import QUIET_ROUNDS, SCOPE, State, Stored, Stream

from wayside_events.bus import StoredMessage
from wayside_gateway.streams.feed import Feed, frame_of
from wayside_gateway.streams.history import HistoryLimits
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.topic import Topic


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
async def feed(stream: Stream) -> AsyncIterator[Feed]:
    feed = stream.feed = Feed(Topic(SCOPE, HistoryLimits()), stream, Stats())
    stream.publish(LOG, SCOPE, "before")
    stream.arrive()
    await feed.start()
    yield feed
    await feed.close()


def published(feed: Feed) -> list[int]:
    return [frame.sequence for frame in feed.topic.history.after(1) or []]


async def whole(feed: Feed, upto: int) -> bool:
    return await eventually(lambda: feed._repairing is None and feed.topic.cursor.sequence >= upto)


async def test_it_begins_at_the_end_of_the_stream(stream: Stream, feed: Feed) -> None:
    stream.arrive()
    stream.publish(LOG, SCOPE, "a")
    stream.arrive()
    assert await whole(feed, 2)
    assert published(feed) == [2]


async def test_what_was_lost_is_read_and_what_came_meanwhile_waits(stream: Stream, feed: Feed) -> None:
    stream.publish(LOG, SCOPE, "a")
    stream.publish(LOG, "other", "a")
    stream.lose()
    stream.publish(LOG, SCOPE, "b")
    stream.arrive()
    assert published(feed) == []
    assert await whole(feed, 4)
    assert published(feed) == [2, 4]


async def test_it_waits_for_the_stream_as_long_as_it_takes(stream: Stream, feed: Feed) -> None:
    stream.is_available = False
    stream.publish(LOG, SCOPE, "a")
    stream.lose()
    assert not await eventually(lambda: bool(published(feed)), within_seconds=0.1)
    stream.is_available = True
    assert await whole(feed, 2)
    assert published(feed) == [2]


async def test_a_hole_shows_in_the_next_event_on_the_subject(stream: Stream, feed: Feed) -> None:
    for _ in range(2):
        stream.publish(LOG, SCOPE, "a")
    stream.lose_unnoticed(2)
    stream.arrive()
    stream.publish(LOG, SCOPE, "a")
    stream.arrive()
    assert await whole(feed, 4)
    assert published(feed) == [2, 3, 4]


async def test_a_hole_that_clients_are_past_makes_them_start_anew(stream: Stream, feed: Feed) -> None:
    stream.publish(LOG, SCOPE, "a")
    stream.publish(LOG, SCOPE, "b")
    stream.lose_unnoticed(2)
    stream.arrive()
    feed.deliver(stream.events[-1])
    stream.publish(LOG, SCOPE, "a")
    stream.arrive()
    assert await whole(feed, 4)
    assert published(feed) == []
    assert feed.topic.history.start == 4


async def test_a_sequence_that_goes_back_is_another_stream(stream: Stream, feed: Feed) -> None:
    for _ in range(3):
        stream.publish(LOG, SCOPE, "a")
    stream.arrive()
    stream.recreate()
    stream.publish(LOG, SCOPE, "a")
    stream.arrive()
    assert await eventually(lambda: feed.topic.cursor == stream.position)


async def test_what_was_held_of_the_stream_before_is_not_taken_for_this_one(
    stream: Stream, feed: Feed
) -> None:
    feed.gap()
    for _ in range(3):
        stream.publish(LOG, SCOPE, "a")
    stream.arrive()
    stream.recreate()
    assert await eventually(lambda: feed._repairing is None)
    assert published(feed) == []
    assert feed.topic.cursor == stream.position


def test_the_revision_of_an_event_is_told_by_its_id() -> None:
    assert frame_of(Stored(f"{LOG}.{SCOPE}.a", 7, 0), "e").revision == 7


@pytest.mark.parametrize("headers", [{}, {"Nats-Msg-Id": "a"}, {"Nats-Msg-Id": "a:"}, {"Nats-Msg-Id": "a:b"}])
def test_an_event_whose_id_is_foreign_has_no_revision(headers: dict[str, str]) -> None:
    assert frame_of(StoredMessage(f"{LOG}.{SCOPE}.a", 7, b"{}", headers), "e").revision == 0


async def test_a_repeat_is_published_once(stream: Stream, feed: Feed) -> None:
    stream.publish(LOG, SCOPE, "a")
    stream.arrive()
    repeat: Stored = stream.events[-1]
    feed.deliver(repeat)
    assert await whole(feed, 2)
    assert published(feed) == [2]


async def test_more_than_can_be_held_is_read(
    stream: Stream, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wayside_gateway.streams.feed.HELD_LIMIT", 2)
    for _ in range(9):
        stream.publish(LOG, SCOPE, "a")
    stream.lose()
    while not published(feed):
        await asyncio.sleep(0)
    for _ in range(5):
        stream.publish(LOG, SCOPE, "a")
        stream.arrive()
    assert await whole(feed, 15)
    assert published(feed) == list(range(2, 16))


class SlowAnswer:
    """Holds back the stream's first answer about where it is."""

    def __init__(self, stream: Stream) -> None:
        self.given = asyncio.Event()
        self._stream = stream
        self._answer = State(stream.position, stream.first)
        stream.state = self._state  # type: ignore[method-assign]

    async def _state(self) -> State:
        del self._stream.state
        await self.given.wait()
        return self._answer


async def test_what_is_missed_while_it_begins_is_read(stream: Stream) -> None:
    feed = stream.feed = Feed(Topic(SCOPE, HistoryLimits()), stream, Stats())
    stream.publish(LOG, SCOPE, "a")
    answer = SlowAnswer(stream)
    starting = asyncio.create_task(feed.start())
    await asyncio.sleep(0)
    for _ in range(2):
        stream.publish(LOG, SCOPE, "a")
    stream.lose()
    for _ in range(QUIET_ROUNDS):
        await asyncio.sleep(0)
    answer.given.set()
    await starting
    assert await whole(feed, 3)
    assert published(feed) == [2, 3]
    await feed.close()


async def test_more_than_can_be_held_while_it_begins_is_read(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wayside_gateway.streams.feed.HELD_LIMIT", 2)
    feed = stream.feed = Feed(Topic(SCOPE, HistoryLimits()), stream, Stats())
    stream.publish(LOG, SCOPE, "a")
    answer = SlowAnswer(stream)
    starting = asyncio.create_task(feed.start())
    await asyncio.sleep(0)
    for _ in range(4):
        stream.publish(LOG, SCOPE, "a")
    stream.arrive()
    answer.given.set()
    await starting
    assert await whole(feed, 5)
    assert published(feed) == [2, 3, 4, 5]
    await feed.close()


async def test_a_hole_in_what_was_held_is_found(stream: Stream, feed: Feed) -> None:
    for _ in range(2):
        stream.publish(LOG, SCOPE, "a")
    read = stream.messages

    async def messages(scope: str, *, after: int, upto: int) -> AsyncIterator[Sequence[Stored]]:
        for _ in range(2):
            stream.publish(LOG, SCOPE, "a")
        stream.lose_unnoticed(1)
        stream.arrive()
        del stream.messages
        async for page in read(scope, after=after, upto=upto):
            yield page

    stream.lose()
    stream.messages = messages  # type: ignore[method-assign]
    assert await whole(feed, 5)
    assert published(feed) == [2, 3, 4, 5]


async def test_a_repair_that_fails_is_tried_again(
    stream: Stream, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wayside_gateway.streams.feed._RETRY_SECONDS", 0.01)

    async def broken() -> State:
        del stream.state
        msg = "not JSON"
        raise ValueError(msg)

    stream.state = broken  # type: ignore[method-assign]
    stream.publish(LOG, SCOPE, "a")
    stream.lose()
    assert await whole(feed, 2)
    assert published(feed) == [2]


async def test_events_that_go_before_they_are_read_make_clients_start_anew(
    stream: Stream, feed: Feed
) -> None:
    for _ in range(5):
        stream.publish(LOG, SCOPE, "a")
    stream.lose()
    read = stream.messages

    def messages(scope: str, *, after: int, upto: int) -> AsyncIterator[Sequence[Stored]]:
        del stream.messages
        stream.purge()
        return read(scope, after=after, upto=upto)

    stream.messages = messages  # type: ignore[method-assign]
    assert await whole(feed, 6)
    assert feed.topic.history.start == 6
