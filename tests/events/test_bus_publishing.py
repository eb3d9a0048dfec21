"""Publishing to the real stream: order, repeats, sizes, and what the stream already has."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wayside_events.bus import (
    Bus,
    BusSettings,
    BusUnavailable,
    MessageTooLarge,
    OutgoingMessage,
    PublishRefused,
)
from wayside_events.identifiers import EntityId, new_id, parse_scope
from wayside_events.jobs import JobLogData, JobLogged, JobProgressData, JobProgressed, Progress
from wayside_events.stream import StreamLimits
from wayside_events.subjects import EventFilter, event_subject
from wayside_standalone.nats import NatsServer, NatsSettings

ACME = parse_scope("acme")


def progressed(job_id: EntityId, revision: int) -> JobProgressed:
    data = JobProgressData(
        job_id=job_id, job_type="demo", attempt=1, progress=Progress(percent=float(revision % 100))
    )
    return JobProgressed.of(data, scope=ACME, revision=revision, time=datetime.now(UTC))


def message(entity: str, revision: int, payload: bytes = b"{}") -> OutgoingMessage:
    subject = event_subject("analysis.job.progress", "acme", entity)
    return OutgoingMessage(subject, f"{entity}:{revision}", payload)


async def stored_ids(bus: Bus) -> list[str]:
    state = await bus.state()
    batches = bus.replay(EventFilter(), after=0, upto=state.last_sequence)
    return [stored.headers["Nats-Msg-Id"] async for batch in batches for stored in batch]


async def test_publish_returns_the_cursor_of_the_stored_event(bus: Bus) -> None:
    cursor = await bus.publish(progressed(new_id(), 1))
    assert cursor == await bus.position()


async def test_a_repeated_event_is_stored_once(bus: Bus) -> None:
    event = progressed(new_id(), 1)
    first, second = await bus.publish(event), await bus.publish(event)
    assert first == second


async def test_a_batch_is_stored_in_order(bus: Bus) -> None:
    messages = [message(f"job{number % 7}", number) for number in range(1, 2_501)]
    await bus.publish_batch(messages)
    assert await stored_ids(bus) == [each.message_id for each in messages]


async def test_a_batch_with_a_known_event_stores_the_others_once_and_in_order(bus: Bus) -> None:
    messages = [message("job", number) for number in range(1, 21)]
    await bus.publish_batch(messages[:5])
    await bus.publish_batch(messages)
    assert await stored_ids(bus) == [each.message_id for each in messages]


async def test_nothing_of_a_batch_with_an_oversized_message_is_sent(bus: Bus) -> None:
    messages = [message("job", 1), message("job", 2, b"x" * (bus.max_payload + 1))]
    with pytest.raises(MessageTooLarge) as refused:
        await bus.publish_batch(messages)
    assert refused.value.message_id == "job:2"
    assert await stored_ids(bus) == []


@pytest.mark.parametrize("text", ["", "a b", "a\r\nPUB b 0\r\n\r\n", "\u00e4"])
async def test_a_subject_that_is_more_than_one_word_is_refused_before_anything_is_sent(
    bus: Bus, text: str
) -> None:
    wrong = OutgoingMessage(text, "job:2", b"{}")
    with pytest.raises(PublishRefused) as refused:
        await bus.publish_batch([message("job", 1), wrong, message("job", 3)])
    assert refused.value.message_id == "job:2"
    assert await stored_ids(bus) == []


async def test_stored_message_ids_tell_the_newest_of_each_entity(bus: Bus) -> None:
    await bus.publish_batch([message("a", 1), message("b", 1), message("a", 2)])
    found = await bus.stored_message_ids(["*.*.*.acme.a", "*.*.*.acme.b", "*.*.*.acme.c"])
    assert found == {"*.*.*.acme.a": "a:2", "*.*.*.acme.b": "b:1"}


async def test_stored_message_ids_of_many_entities_with_several_events_are_the_newest(bus: Bus) -> None:
    entities = [f"job{number}" for number in range(120)]
    for revision, kind in enumerate(("queued", "started", "progress", "completed"), start=1):
        subjects = [event_subject(f"analysis.job.{kind}", "acme", entity) for entity in entities]
        messages = [
            OutgoingMessage(subject, f"{entity}:{revision}", b"{}")
            for subject, entity in zip(subjects, entities, strict=True)
        ]
        await bus.publish_batch(messages)
    found = await bus.stored_message_ids([f"*.*.*.acme.{entity}" for entity in entities])
    assert found == {f"*.*.*.acme.{entity}": f"{entity}:4" for entity in entities}


async def test_the_stream_is_created_again_when_it_was_deleted_under_a_publisher(bus: Bus) -> None:
    await bus.publish_batch([message("job", 1)])
    before = await bus.position()
    client = bus._connection.client
    await client.request("$JS.API.STREAM.DELETE.WAYSIDE_EVENTS", b"")
    with pytest.raises(BusUnavailable):
        await bus.publish_batch([message("job", 2)])
    await bus.publish_batch([message("job", 2)])
    after = await bus.position()
    assert after.epoch != before.epoch
    assert after.sequence == 1


async def test_services_that_start_together_create_one_stream(nats_url: str) -> None:
    async def start() -> str:
        async with Bus.connected(BusSettings(url=nats_url)) as bus:
            return (await bus.ensure_stream()).epoch

    assert len(set(await asyncio.gather(*(start() for _ in range(5))))) == 1


async def test_whatever_needs_nats_says_that_it_is_unavailable() -> None:
    bus = Bus(BusSettings(url="nats://127.0.0.1:1"))
    bus.start()
    with pytest.raises(BusUnavailable):
        await bus.publish_batch([message("job", 1)])
    with pytest.raises(BusUnavailable):
        await bus.ready(0.05)
    await bus.close()


async def test_log_events_keep_their_entries(bus: Bus) -> None:
    job = new_id()
    event = JobLogged.of(
        JobLogData(job_id=job, job_type="demo", attempt=1, entries=()),
        scope=ACME,
        revision=1,
        time=datetime.now(UTC),
    )
    await bus.publish(event)
    assert await stored_ids(bus) == [f"{job}:1"]


async def test_a_full_account_is_no_fault_of_the_message(tmp_path: Path) -> None:
    users = tmp_path / "account.conf"
    limits = "jetstream {\n max_file: 20000\n max_mem: 1000\n }"
    users.write_text(f"accounts {{\n A {{\n {limits}\n users: [ {{user: a, password: a}} ]\n }}\n}}\n")
    with NatsServer(NatsSettings(tmp_path / "nats", users=users)) as server:
        settings = BusSettings(server.url, user="a", password="a")
        async with Bus.connected(settings, StreamLimits(max_bytes=-1)) as bus:
            for revision in range(1, 15):
                await bus.publish_batch([message("job", revision, b"x" * 1_000)])
            with pytest.raises(BusUnavailable, match="resource limits exceeded"):
                await bus.publish_batch([message("job", 15, b"x" * 10_000)])
