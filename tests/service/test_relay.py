"""The relay on the real PostgreSQL and the real NATS."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry
from tests.eventually import eventually
from tests.service.sample import OpenDatabase, Written

from wayside_events.bus import Bus, BusSettings, OutgoingMessage, PublishRefused
from wayside_events.stream import StreamLimits
from wayside_events.subjects import EventFilter
from wayside_service.database import Database, OwnConnection
from wayside_service.outbox import Relay, add_events
from wayside_service.tasks import end
from wayside_standalone.nats import NatsServer

PROGRESS = "analysis.job.progress"


class Instance:
    """One instance of a service: its database, bus and relay."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self.database = database
        self.bus = bus
        self.registry = CollectorRegistry()
        self.relay = Relay(
            database,
            bus,
            wake_subject="wayside.jobs.wake",
            conflated_types=[PROGRESS],
            registry=self.registry,
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self.relay.run())

    async def stop(self) -> None:
        if self._task is not None:
            await end(self._task)

    async def write(self, *events: Written, wake: bool = True) -> None:
        async with self.database.transaction() as connection:
            await add_events(connection, events)
        if wake:
            self.relay.wake()

    async def pending(self) -> int:
        async with self.database.acquire() as connection:
            count: int = await connection.fetchval("SELECT coalesce(sum(events), 0) FROM outbox")
            return count

    async def is_drained(self) -> bool:
        return await self.pending() == 0

    def metric(self, name: str) -> float:
        return self.registry.get_sample_value(f"wayside_outbox_{name}") or 0.0


@pytest.fixture
async def instances(open_database: OpenDatabase, nats_url: str) -> AsyncIterator[list[Instance]]:
    """Two instances of one service, not relaying yet."""
    async with AsyncExitStack() as stack:
        built = []
        for _ in range(2):
            bus = await stack.enter_async_context(open_bus(nats_url))
            instance = Instance(await stack.enter_async_context(open_database()), bus)
            stack.push_async_callback(instance.stop)
            built.append(instance)
        yield built


@asynccontextmanager
async def open_bus(url: str, duplicate_window_seconds: float = 120.0) -> AsyncIterator[Bus]:
    limits = StreamLimits(duplicate_window_seconds=duplicate_window_seconds)
    async with Bus.connected(BusSettings(url=url), limits) as bus:
        await bus.ensure_stream()
        yield bus


async def stored(bus: Bus) -> list[str]:
    """The ids of all stored events, in order."""
    last = (await bus.position()).sequence
    pages = [page async for page in bus.replay(EventFilter(), after=0, upto=last)]
    return [message.headers["Nats-Msg-Id"] for page in pages for message in page]


def ids(*events: Written) -> list[str]:
    return [event.id for event in events]


async def test_what_is_committed_is_published_in_order_and_deleted(instances: list[Instance]) -> None:
    one, _ = instances
    one.start()
    events = [Written(note, revision) for revision in range(1, 700) for note in (1, 2)]
    await one.write(*events)
    assert await eventually(one.is_drained)
    assert await stored(one.bus) == ids(*events)
    assert one.metric("published_total") == len(events)


async def test_only_one_of_two_instances_is_active(instances: list[Instance]) -> None:
    for instance in instances:
        instance.start()
    assert await eventually(lambda: any(instance.relay.is_active for instance in instances))
    await asyncio.sleep(1.2)
    assert sum(instance.relay.is_active for instance in instances) == 1


async def test_a_commit_on_the_standby_instance_wakes_the_active_one(instances: list[Instance]) -> None:
    one, two = instances
    one.start()
    assert await eventually(lambda: one.relay.is_active)
    two.start()
    await asyncio.sleep(0.1)
    await two.write(Written(1, 1))
    assert await eventually(two.is_drained, within_seconds=0.5)
    assert one.metric("unwoken_total") == 0


async def test_a_commit_without_a_wake_up_is_found_and_counted(instances: list[Instance]) -> None:
    one, _ = instances
    one.start()
    assert await eventually(lambda: one.relay.is_active)
    await asyncio.sleep(0.1)
    await one.write(Written(1, 1), wake=False)
    assert await eventually(one.is_drained, within_seconds=3)
    assert await eventually(lambda: one.metric("unwoken_total") == 1)


async def test_the_standby_takes_over_when_the_active_one_stops(instances: list[Instance]) -> None:
    one, two = instances
    one.start()
    assert await eventually(lambda: one.relay.is_active)
    two.start()
    await one.stop()
    await two.write(Written(1, 1))
    assert await eventually(two.is_drained, within_seconds=3)
    assert two.relay.is_active


async def test_another_takes_over_when_the_active_ones_connection_is_killed(
    instances: list[Instance], connection: OwnConnection
) -> None:
    one, two = instances
    one.start()
    assert await eventually(lambda: one.relay.is_active)
    two.start()
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    )
    assert await eventually(lambda: two.relay.is_active, within_seconds=4)
    await two.write(Written(1, 1))
    assert await eventually(two.is_drained)
    assert not one.relay.is_active


class DiesBeforeDelete:
    """A bus whose relay never learns that its batch was stored."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.stored = asyncio.Event()

    is_connected = True

    async def publish_batch(self, messages: Sequence[OutgoingMessage]) -> None:
        await self._bus.publish_batch(messages)
        self.stored.set()
        await asyncio.Event().wait()

    def __getattr__(self, name: str) -> object:
        return getattr(self._bus, name)


async def test_a_crash_between_publish_and_delete_publishes_once_even_after_the_duplicate_window(
    open_database: OpenDatabase, nats_url: str
) -> None:
    events = [Written(1, 1), Written(2, 1), Written(1, 2, PROGRESS), Written(1, 3, PROGRESS), Written(2, 2)]
    async with open_database() as database, open_bus(nats_url, duplicate_window_seconds=0.1) as bus:
        doomed = Instance(database, bus)
        dying = DiesBeforeDelete(bus)
        doomed.relay._publisher = dying  # type: ignore[assignment]
        doomed.start()
        await doomed.write(*events)
        await asyncio.wait_for(dying.stored.wait(), 5)
        await doomed.stop()
        await asyncio.sleep(0.3)
        heir = Instance(database, bus)
        await heir.write(Written(2, 3))
        heir.start()
        assert await eventually(heir.is_drained)
        await heir.stop()
        kept = [events[0], events[1], events[3], events[4], Written(2, 3)]
        assert await stored(bus) == ids(*kept)
        assert heir.metric("already_stored_total") == 5


async def test_nothing_is_lost_while_nats_is_down(instances: list[Instance], nats_server: NatsServer) -> None:
    one, _ = instances
    one.start()
    await one.write(Written(1, 1))
    assert await eventually(one.is_drained)
    await asyncio.to_thread(nats_server.stop)
    await one.write(Written(1, 2), Written(2, 1))
    await asyncio.sleep(0.5)
    assert await one.pending() == 2
    await asyncio.to_thread(nats_server.start)
    assert await eventually(one.is_drained, within_seconds=15)
    assert await stored(one.bus) == ids(Written(1, 1), Written(1, 2), Written(2, 1))


async def test_a_message_over_the_servers_limit_is_moved_aside_and_the_rest_goes_on(
    instances: list[Instance], connection: OwnConnection
) -> None:
    one, _ = instances
    one.start()
    poison = Written(1, 2, padding=2_000_000)
    await one.write(Written(1, 1), poison, Written(1, 3))
    assert await eventually(one.is_drained)
    assert await stored(one.bus) == ids(Written(1, 1), Written(1, 3))
    dead = await connection.fetchrow("SELECT * FROM sample.outbox_dead")
    assert dead is not None
    assert (dead["message_id"], dead["payload"]) == (poison.id, poison.to_json())
    assert "2000" in dead["reason"]
    assert one.metric("dead_total") == 1


class RefusesOne:
    """A bus that stores what is before one message of a batch and says that the stream refuses that one."""

    def __init__(self, bus: Bus, refused: str) -> None:
        self._bus = bus
        self._refused = refused
        self.sent: list[str] = []

    is_connected = True

    async def publish_batch(self, messages: Sequence[OutgoingMessage]) -> None:
        ids = [message.message_id for message in messages]
        end = ids.index(self._refused) if self._refused in ids else len(ids)
        self.sent += ids[:end]
        await self._bus.publish_batch(messages[:end])
        if end < len(ids):
            raise PublishRefused(self._refused, "not this one")

    def __getattr__(self, name: str) -> object:
        return getattr(self._bus, name)


async def test_of_a_row_with_a_refused_message_the_others_are_stored_once(
    instances: list[Instance], connection: OwnConnection
) -> None:
    one, _ = instances
    events = [Written(1, 1), Written(2, 1), Written(1, 2), Written(2, 2)]
    refusing = RefusesOne(one.bus, events[2].id)
    one.relay._publisher = refusing  # type: ignore[assignment]
    await one.write(*events)
    await one.write(Written(1, 3))
    one.start()
    assert await eventually(one.is_drained)
    expected = ids(events[0], events[1], events[3], Written(1, 3))
    assert (await stored(one.bus), refusing.sent) == (expected, expected)
    dead = await connection.fetch("SELECT subject, message_id, payload FROM sample.outbox_dead")
    assert list(map(tuple, dead)) == [(events[2].nats_subject, events[2].id, events[2].to_json())]


async def test_a_row_that_was_stored_in_part_is_completed_by_the_heir(instances: list[Instance]) -> None:
    one, _ = instances
    events = [Written(note, revision) for revision in (1, 2, 3) for note in (1, 2)]
    await one.bus.publish_batch([OutgoingMessage(e.nats_subject, e.id, e.to_json()) for e in events[:3]])
    await one.write(*events)
    one.start()
    assert await eventually(one.is_drained)
    assert await stored(one.bus) == ids(*events)
    assert (one.metric("already_stored_total"), one.metric("published_total")) == (3, 3)


async def test_a_row_that_cannot_be_read_is_moved_aside_and_the_rest_goes_on(
    instances: list[Instance], connection: OwnConnection
) -> None:
    one, _ = instances
    await one.write(Written(1, 1))
    await connection.execute("INSERT INTO sample.outbox (events, messages) VALUES (7, 'what is this')")
    await one.write(Written(1, 2))
    one.start()
    assert await eventually(one.is_drained)
    assert await stored(one.bus) == ids(Written(1, 1), Written(1, 2))
    dead = await connection.fetch("SELECT payload, message_id FROM sample.outbox_dead")
    assert list(map(tuple, dead)) == [(b"what is this", None)]
    assert one.metric("dead_total") == 7


async def test_a_batch_is_bounded_by_bytes_but_holds_one_row_at_least(instances: list[Instance]) -> None:
    one, _ = instances
    seen: list[int] = []

    class Watched:
        async def publish_batch(self, messages: Sequence[OutgoingMessage]) -> None:
            seen.append(len(messages))
            await one.bus.publish_batch(messages)

        def __getattr__(self, name: str) -> object:
            return getattr(one.bus, name)

    one.relay._publisher = Watched()  # type: ignore[assignment]
    for revision in range(1, 12):
        await one.write(Written(1, revision, padding=900_000))
    one.start()
    assert await eventually(one.is_drained)
    assert seen == [4, 4, 3]


async def test_what_waits_is_counted_in_events(instances: list[Instance], nats_server: NatsServer) -> None:
    one, _ = instances
    await asyncio.to_thread(nats_server.stop)
    await one.write(*(Written(note, 1) for note in range(30)))
    await one.write(Written(1, 2))
    one.start()
    assert await eventually(lambda: one.metric("pending") == 31)
    await asyncio.to_thread(nats_server.start)


async def test_superseded_progress_is_left_out_under_load(instances: list[Instance]) -> None:
    one, _ = instances
    progress = [Written(1, revision, PROGRESS) for revision in range(1, 100)]
    await one.write(*progress[:50])
    await one.write(*progress[50:], Written(1, 100))
    one.start()
    assert await eventually(one.is_drained)
    assert await stored(one.bus) == ids(progress[-1], Written(1, 100))
    assert one.metric("superseded_total") == 98


async def test_order_holds_while_writers_race_and_relays_take_over(
    instances: list[Instance], connection: OwnConnection
) -> None:
    order = random.Random(11)
    for instance in instances:
        instance.start()
    revisions = dict.fromkeys(range(6), 0)
    locks = {note: asyncio.Lock() for note in revisions}

    async def write(note: int) -> None:
        async with locks[note]:
            revisions[note] += 1
            await order.choice(instances).write(Written(note, revisions[note]))

    for _ in range(5):
        await asyncio.gather(*(write(order.randrange(6)) for _ in range(60)))
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        )
        await asyncio.sleep(0.2)
    assert await eventually(instances[0].is_drained, within_seconds=15)
    seen = await stored(instances[0].bus)
    for note, last in revisions.items():
        own = [message_id for message_id in seen if message_id.startswith(Written(note, 1).subject)]
        assert own == [Written(note, revision).id for revision in range(1, last + 1)]
