"""Typed consumption by other services on the real stream."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.events.test_bus_publishing import progressed

from wayside_events.bus import Bus, BusSettings, BusUnavailable, CursorExpired
from wayside_events.cursor import Cursor
from wayside_events.identifiers import new_id


async def take(events: Any, count: int) -> list[str]:
    ids = []
    async with asyncio.timeout(10):
        async for event in events:
            ids.append(event.id)
            if len(ids) == count:
                break
    await events.aclose()
    return ids


async def test_events_after_a_cursor_arrive_in_order_and_then_live(bus: Bus) -> None:
    job = new_id()
    start = await bus.position()
    for revision in range(1, 4):
        await bus.publish(progressed(job, revision))
    reading = asyncio.create_task(take(bus.events(after=start), 5))
    for revision in range(4, 6):
        await bus.publish(progressed(job, revision))
    assert await reading == [f"{job}:{revision}" for revision in range(1, 6)]


async def test_a_filter_passes_only_its_scope_and_types(bus: Bus) -> None:
    start, job = await bus.position(), new_id()
    await bus.publish(progressed(new_id(), 1).model_copy(update={"scope": "other"}))
    await bus.publish(progressed(job, 1))
    assert await take(bus.events("analysis.job.progress", scope="acme", after=start), 1) == [f"{job}:1"]


async def test_a_durable_consumer_goes_on_after_the_last_acknowledged_event(bus: Bus) -> None:
    job, start = new_id(), await bus.position()
    for revision in range(1, 5):
        await bus.publish(progressed(job, revision))
    # The second event is taken but never acknowledged, because its successor is not asked for.
    assert await take(bus.events(after=start, durable="billing"), 2) == [f"{job}:1", f"{job}:2"]
    again = bus.events(after=start, durable="billing")
    seen = await take(again, 2)
    assert set(seen) <= {f"{job}:{revision}" for revision in range(2, 5)}


async def test_a_cursor_of_another_epoch_is_refused(bus: Bus) -> None:
    with pytest.raises(CursorExpired):
        await take(bus.events(after=Cursor("abc", 0)), 1)


async def test_a_consumer_survives_a_restart_of_the_server(nats_server: Any) -> None:
    async with Bus.connected(BusSettings(url=nats_server.url)) as bus:
        await bus.ensure_stream()
        job, start = new_id(), await bus.position()
        events = bus.events(after=start)
        await bus.publish(progressed(job, 1))
        async with asyncio.timeout(20):
            assert (await anext(events)).id == f"{job}:1"
            await asyncio.to_thread(nats_server.restart)
            await _until_connected(bus)
            await bus.publish(progressed(job, 2))
            assert (await anext(events)).id == f"{job}:2"
        await events.aclose()


async def _until_connected(bus: Bus) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await bus.position()
                return
            except BusUnavailable:
                await asyncio.sleep(0.05)


async def test_time_is_kept_to_the_microsecond(bus: Bus) -> None:
    start, now = await bus.position(), datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    event = progressed(new_id(), 1).model_copy(update={"time": now})
    await bus.publish(event)
    events = bus.events(after=start)
    assert (await anext(events)).time == now
    await events.aclose()
