"""What clients see when the stream, NATS, their own speed or the gateway get in the way."""

import asyncio
from contextlib import suppress
from typing import Any

import aiohttp
from tests.eventually import eventually
from tests.gateway.conftest import Start
from tests.gateway.upstream import Upstream
from tests.gateway.world import GatewayHere, Story, bearer, publish

from wayside_events.bus import Bus, BusUnavailable
from wayside_events.identifiers import new_id


async def manage_stream(bus: Bus, verb: str) -> None:
    client = bus._connection.require()
    await client.request(f"$JS.API.STREAM.{verb}.WAYSIDE_EVENTS", b"", timeout=5)


async def recreate_stream(bus: Bus) -> None:
    await manage_stream(bus, "DELETE")

    async def is_there() -> bool:
        with suppress(BusUnavailable):
            await bus.ensure_stream()
            return True
        return False

    assert await eventually(is_there), "the server may still be clearing the old one away"


async def test_a_cursor_of_another_stream_is_told_so(gateway: GatewayHere, bus: Bus) -> None:
    story = Story(bus, new_id())
    await story.tell(story.started())
    old = await bus.position()
    await recreate_stream(bus)
    async with gateway.follow(after=str(old)) as follower:
        reset = await follower.next()
        assert (reset.event, reset.json["reason"]) == ("wayside.reset", "epoch")
        assert reset.id == reset.json["cursor"] == str(await bus.position())
        await follower.until("wayside.caught-up")
        await story.tell(story.progressed())
        assert (await follower.next()).event == "analysis.job.progress"


async def test_a_live_client_is_told_when_the_stream_is_another_one(gateway: GatewayHere, bus: Bus) -> None:
    story = Story(bus, new_id())
    async with gateway.follow() as follower:
        await follower.next()
        await publish(bus, story.started(), story.progressed())
        await follower.take(2)
        await recreate_stream(bus)
        await story.tell(story.progressed())
        reset = await follower.next()
        assert (reset.event, reset.json["reason"]) == ("wayside.reset", "epoch")
        await follower.until("wayside.caught-up")
        await story.tell(story.progressed())
        assert (await follower.next()).sequence == 2


async def test_a_cursor_that_has_aged_out_is_told_so(gateway: GatewayHere, bus: Bus) -> None:
    story = Story(bus, new_id())
    await publish(bus, story.started(), story.progressed(), story.progressed())
    await manage_stream(bus, "PURGE")
    position = await bus.position()
    async with gateway.follow(after=str(position.at(1))) as follower:
        reset = await follower.next()
        assert (reset.event, reset.json) == ("wayside.reset", {"cursor": str(position), "reason": "expired"})
    async with gateway.follow(after=str(position)) as follower:
        assert (await follower.next()).event == "wayside.caught-up"


async def test_a_cursor_from_the_future_is_no_cursor(gateway: GatewayHere, bus: Bus) -> None:
    async with gateway.follow(after=str((await bus.position()).at(1_000))) as follower:
        assert (await follower.next()).event == "wayside.reset"


async def test_after_a_reset_the_stream_of_a_job_begins_with_a_snapshot_again(
    gateway: GatewayHere, bus: Bus, upstream: Upstream
) -> None:
    story = Story(bus, new_id())
    upstream.has(story.job_id)
    async with gateway.follow(f"/v1/jobs/{story.job_id}/events") as follower:
        await follower.take(2)
        await story.tell(story.started())
        await follower.next()
        await recreate_stream(bus)
        await story.tell(story.progressed())
        received = await follower.until("wayside.caught-up")
        assert [one.event for one in received] == ["wayside.reset", "wayside.snapshot", "wayside.caught-up"]
        await story.tell(story.completed())
        assert (await follower.rest())[-1].event == "wayside.end"


async def test_a_client_that_does_not_read_delays_nobody_and_gets_the_latest_progress(
    start_gateway: Start, bus: Bus
) -> None:
    story, log = Story(bus, new_id()), Story(bus, new_id())
    filler = "x" * 1_900
    async with (
        start_gateway(history_frames=100_000, history_bytes=10**9) as gateway,
        gateway.follow() as slow,
        gateway.follow() as quick,
    ):
        await slow.next()
        await quick.next()
        last = 0
        for _ in range(60):
            await publish(bus, *(story.progressed(message=filler) for _ in range(200)), log.started())
            for _ in range(201):
                last = (await quick.next()).sequence
        assert gateway.live.stats.conflated > 0
        received = [await slow.next()]
        while received[-1].sequence < last:
            received.append(await slow.next())
    sequences = [one.sequence for one in received]
    assert sequences == sorted(set(sequences))
    assert len(sequences) < last
    assert sum(one.event == "analysis.job.started" for one in received) == 60
    assert max(one.json["revision"] for one in received if one.event == "analysis.job.progress") == 12_000


async def test_a_client_too_far_behind_is_cut_and_resumes_whole(start_gateway: Start, bus: Bus) -> None:
    story = Story(bus, new_id())
    count = 12_000
    async with start_gateway(client_lane_frames=50) as gateway:
        async with gateway.follow() as slow:
            await slow.next()
            for _ in range(count // 500):
                await publish(bus, *(padded_log(story) for _ in range(500)))
            assert await eventually(lambda: gateway.live.stats.slow_closes == 1)
            with suppress(aiohttp.ClientError):
                await slow.rest()
            seen = [one.sequence for one in slow.seen if not one.event.startswith("wayside.")]
        async with gateway.follow(after=slow.last_id) as again:
            seen += [one.sequence for one in (await again.until("wayside.caught-up"))[:-1]]
    assert seen == list(range(1, count + 1))


def padded_log(story: Story) -> Any:
    return story.logged("x" * 1_500)


async def test_nobody_notices_a_restart_of_nats(gateway: GatewayHere, bus: Bus, nats_server: Any) -> None:
    story = Story(bus, new_id())
    async with gateway.follow() as follower:
        await follower.next()
        for _ in range(3):
            await publish(bus, *(story.progressed() for _ in range(20)))
            await asyncio.to_thread(nats_server.restart)
            assert await eventually(lambda: bus.is_connected)
            # The publisher may be back before the gateway is: these events are a hole in its live feed.
            await publish_when_possible(bus, story, 20)
        received = [await follower.next() for _ in range(120)]
        assert [one.sequence for one in received] == list(range(1, 121))
        assert gateway.live.stats.repairs >= 3


async def publish_when_possible(bus: Bus, story: Story, count: int) -> None:
    events = [story.progressed() for _ in range(count)]

    async def published() -> bool:
        try:
            await publish(bus, *events)
        except Exception:  # noqa: BLE001 - whatever NATS says while it starts
            return False
        return True

    assert await eventually(published)


async def test_while_nats_is_down_streams_stay_and_new_ones_are_asked_to_come_back(
    start_gateway: Start, bus: Bus, nats_server: Any
) -> None:
    async with start_gateway(ping_seconds=0.2) as gateway, gateway.follow() as follower:
        await follower.next()
        await asyncio.to_thread(nats_server.stop)
        assert await eventually(lambda: not bus.is_connected)
        async with gateway.follow("/v1/events?scope=acme", headers=bearer({"*": ["viewer"]})) as known:
            assert (await known.next()).event == "wayside.caught-up"
        async with gateway.follow("/v1/events?scope=new", headers=bearer({"*": ["viewer"]})) as refused:
            (only,) = await refused.rest()
            assert (only.event, only.json["code"]) == ("wayside.unavailable", "bus_unavailable")
        async with gateway.get("/readyz") as answer:
            assert (await answer.json())["checks"]["nats"] != "ok"
        async with asyncio.timeout(5):
            assert (await anext(aiter(follower))).event == "wayside.ping"
        await asyncio.to_thread(nats_server.start)
        await gateway.ready()
        story = Story(bus, new_id())
        await publish_when_possible(bus, story, 1)
        assert (await follower.next()).json["id"] == f"{story.job_id}:1"
