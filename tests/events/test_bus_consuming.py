"""Typed consumption by other services on the real stream."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.events.leaky_proxy import LeakyProxy
from tests.events.test_bus_publishing import progressed
from tests.eventually import eventually

from wayside_events.bus import Bus, BusSettings, BusUnavailable, CursorExpired, consuming
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


async def test_what_a_broken_connection_swallowed_is_delivered_again(
    bus: Bus, nats_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "_HEARTBEAT_SECONDS", 0.5)
    job = new_id()
    async with (
        LeakyProxy.before(nats_server.port) as proxy,
        Bus.connected(BusSettings(url=proxy.url)) as far,
    ):
        ids: list[str] = []
        reading = asyncio.create_task(_collect(far, ids))
        assert await eventually(lambda: proxy.has_passed(b"CONSUMER.MSG.NEXT"))
        for newest in (3, 6):
            proxy.swallow()
            for revision in range(newest - 2, newest + 1):
                await bus.publish(progressed(job, revision))
            assert await eventually(lambda: proxy.has_swallowed(f"{job}:{newest}".encode()))  # noqa: B023
            proxy.cut()
            assert await eventually(lambda: len(ids) >= newest)  # noqa: B023
        reading.cancel()
    assert ids == [f"{job}:{revision}" for revision in range(1, 7)]


async def _collect(bus: Bus, ids: list[str]) -> None:
    async for event in bus.events():
        ids += [event.id]


async def test_a_stream_that_is_made_anew_is_said_and_not_skipped(bus: Bus) -> None:
    events = bus.events()
    waiting = asyncio.create_task(take(events, 1))
    assert await eventually(lambda: _consumers(bus, 1))
    await bus._connection.client.request("$JS.API.STREAM.DELETE.WAYSIDE_EVENTS", b"", 5)
    await bus.ensure_stream()
    with pytest.raises(CursorExpired):
        await waiting


async def _consumers(bus: Bus, count: int) -> bool:
    info = await bus._connection.client.jetstream().stream_info("WAYSIDE_EVENTS")
    return info.state.consumer_count == count


@pytest.mark.parametrize("is_given", [True, False])
async def test_a_durable_consumer_goes_on_where_it_was_whatever_cursor_it_is_given(
    bus: Bus, is_given: bool
) -> None:
    job, start = new_id(), await bus.position()
    for revision in range(1, 4):
        await bus.publish(progressed(job, revision))
    assert await take(bus.events(after=start, durable="billing"), 2) == [f"{job}:1", f"{job}:2"]
    other = Cursor("abc", 0) if is_given else None
    again = await take(bus.events(after=other, durable="billing"), 2)
    assert set(again) == {f"{job}:2", f"{job}:3"}


async def test_a_durable_consumer_takes_a_new_filter(bus: Bus) -> None:
    await take_nothing(bus.events(scope="acme", durable="billing"))
    await bus.publish(progressed(job := new_id(), 1).model_copy(update={"scope": "other"}))
    await take_nothing(bus.events(scope="acme", durable="billing"))
    await bus.publish(progressed(new_id(), 1))
    await bus.publish(progressed(job, 2).model_copy(update={"scope": "other"}))
    again = bus.events(scope="other", durable="billing")
    assert (await take(again, 1)) == [f"{job}:2"]


async def take_nothing(events: Any) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await anext(events)
    await events.aclose()


async def test_nobody_else_gets_an_event_that_is_worked_on(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consuming, "_ACK_WAIT_SECONDS", 0.6)
    job, start = new_id(), await bus.position()
    for revision in range(1, 4):
        await bus.publish(progressed(job, revision))
    slow = bus.events(after=start, durable="billing")
    assert (await anext(slow)).id == f"{job}:1"
    other = bus.events(durable="billing")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await anext(other)
    await slow.aclose()


async def test_events_end_when_the_bus_is_closed(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consuming, "_HEARTBEAT_SECONDS", 0.5)
    async with Bus.connected(BusSettings(url=nats_url)) as bus:
        await bus.ensure_stream()
        waiting = asyncio.create_task(take(bus.events(), 1))
        assert await eventually(lambda: _consumers(bus, 1))
    with pytest.raises(BusUnavailable, match="closed"):
        await waiting
