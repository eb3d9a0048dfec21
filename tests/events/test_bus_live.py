"""The live feed and Direct Get replay, on the real server."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.events.test_bus_publishing import message

from wayside_events.bus import Bus, BusSettings, BusUnavailable, StoredMessage
from wayside_events.subjects import EventFilter, event_subject


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_every_stored_event_of_the_scope_is_delivered_live_in_order(bus: Bus) -> None:
    seen: list[StoredMessage] = []
    live = await bus.live(EventFilter(scope="acme"), seen.append, lambda: None)
    await bus.publish_batch([message("job", number, b"%d" % number) for number in range(1, 51)])
    await until(lambda: len(seen) == 50)
    assert [stored.sequence for stored in seen] == list(range(1, 51))
    assert seen[0].subject == event_subject("analysis.job.progress", "acme", "job")
    await live.close()


async def test_another_scope_is_not_delivered(bus: Bus) -> None:
    seen: list[StoredMessage] = []
    live = await bus.live(EventFilter(scope="other"), seen.append, lambda: None)
    await bus.publish_batch([message("job", 1)])
    await bus.position()
    assert seen == []
    await live.close()


async def test_a_reconnect_is_told_as_a_gap(nats_server: Any) -> None:
    gaps: list[bool] = []
    async with Bus.connected(BusSettings(url=nats_server.url)) as bus:
        await bus.ensure_stream()
        live = await bus.live(EventFilter(scope="acme"), lambda stored: None, lambda: gaps.append(True))
        await asyncio.to_thread(nats_server.restart)
        await until(lambda: gaps)
        await live.close()


async def test_replay_reads_between_two_sequences(bus: Bus) -> None:
    await bus.publish_batch([message("job", number) for number in range(1, 3_001)])
    batches = [batch async for batch in bus.replay(EventFilter(scope="acme"), after=10, upto=2_900)]
    assert [stored.sequence for batch in batches for stored in batch] == list(range(11, 2_901))


async def test_replay_of_several_types_leaves_out_the_others(bus: Bus) -> None:
    await bus.publish_batch([message("job", number) for number in range(1, 4)])
    wanted = EventFilter(("analysis.job.completed", "analysis.job.log"), scope="acme")
    assert [batch async for batch in bus.replay(wanted, after=0, upto=3)] == []


async def test_replay_of_nothing_is_empty(bus: Bus) -> None:
    assert [batch async for batch in bus.replay(EventFilter(scope="acme"), after=0, upto=0)] == []


async def test_an_answer_with_a_hole_is_not_taken_for_history(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bus.publish_batch([message("job", revision) for revision in range(1, 6)])
    reader = bus._direct()
    route = reader._route

    def lossy(subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        if headers.get("Nats-Sequence") != "3":
            route(subject, payload, headers)

    monkeypatch.setattr(reader, "_route", lossy)
    with pytest.raises(BusUnavailable, match="lost on the way"):
        await reader.page("analysis.job.progress.*.*", 1)
