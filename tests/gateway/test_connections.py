"""Connections that carry streams: how they look on the wire, how long they live, and how they end."""

import asyncio
import shutil
from pathlib import Path

import aiohttp
import pytest
from tests.eventually import eventually
from tests.gateway.conftest import Start
from tests.gateway.process import gateway_process
from tests.gateway.upstream import Upstream
from tests.gateway.world import GatewayHere, Story, bearer, token

from wayside_events.bus import Bus
from wayside_events.identifiers import new_id


async def test_the_headers_keep_proxies_from_buffering(gateway: GatewayHere) -> None:
    async with gateway.follow() as follower:
        headers = follower.response.headers
    assert headers["Content-Type"] == "text/event-stream"
    assert headers["Cache-Control"] == "no-cache, no-transform"
    assert headers["X-Accel-Buffering"] == "no"
    assert "X-Request-Id" in headers


async def speak(gateway: GatewayHere, request: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = f"{request}\r\nHost: x\r\nAuthorization: Bearer {token()}\r\n\r\n"
    writer.write(head.encode())
    return reader, writer


async def test_http_1_0_gets_plain_bytes_until_the_connection_ends(
    gateway: GatewayHere, bus: Bus, upstream: Upstream
) -> None:
    story = Story(bus, new_id())
    upstream.has(story.job_id)
    reader, writer = await speak(gateway, f"GET /v1/jobs/{story.job_id}/events HTTP/1.0")
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    await reader.readuntil(b"wayside.caught-up")
    await story.tell(story.completed())
    rest = await reader.read()
    writer.close()
    assert head.startswith("http/1.0 200")
    assert "chunked" not in head
    assert "keep-alive" not in head
    assert rest.endswith(b"\n\n")
    assert b"event: wayside.end\n" in rest


async def test_a_client_that_keeps_no_connection_is_told_so(gateway: GatewayHere) -> None:
    reader, writer = await speak(gateway, "GET /v1/events HTTP/1.1\r\nConnection: close")
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    writer.close()
    assert "connection: close" in head
    assert "keep-alive" not in head


async def test_a_stream_that_ended_leaves_its_connection_usable(
    gateway: GatewayHere, bus: Bus, upstream: Upstream
) -> None:
    story = Story(bus, new_id())
    upstream.has(story.job_id)
    reader, writer = await speak(gateway, f"GET /v1/jobs/{story.job_id}/events HTTP/1.1")
    await reader.readuntil(b"wayside.caught-up")
    await story.tell(story.completed())
    await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


@pytest.mark.parametrize("path", ["/v1/events", "/v1/jobs/{job}/events"])
async def test_head_is_answered_with_headers_only(
    gateway: GatewayHere, upstream: Upstream, path: str
) -> None:
    job_id = new_id()
    upstream.has(job_id)
    async with gateway.http.head(gateway.url + path.format(job=job_id), headers=bearer()) as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        assert await answer.read() == b""
    assert len(gateway.live.connections) == 0


async def test_curl_follows_a_job_to_its_end(gateway: GatewayHere, bus: Bus, upstream: Upstream) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    story = Story(bus, new_id())
    upstream.has(story.job_id)
    curl = await asyncio.create_subprocess_exec(
        "curl",
        "-sN",
        "-H",
        f"Authorization: Bearer {token()}",
        f"{gateway.url}/v1/jobs/{story.job_id}/events",
        stdout=asyncio.subprocess.PIPE,
    )
    assert curl.stdout is not None
    await curl.stdout.readuntil(b"wayside.caught-up")
    await story.tell(story.started(), story.completed())
    output, _ = await curl.communicate()
    assert output.count(b"event: ") == 3
    assert curl.returncode == 0


async def test_a_client_that_goes_away_is_forgotten_at_once(start_gateway: Start, bus: Bus) -> None:
    async with start_gateway(feed_linger_seconds=0.05) as gateway:
        for _ in range(3):
            async with gateway.follow() as follower:
                await follower.next()
                assert len(gateway.live.connections) == 1
            assert await eventually(lambda: len(gateway.live.connections) == 0, within_seconds=2)
        assert gateway.live.connections._per_subject == {}
        assert await eventually(lambda: len(gateway.live.feeds) == 0)


async def test_a_client_that_goes_away_during_its_replay_is_forgotten(start_gateway: Start, bus: Bus) -> None:
    story = Story(bus, new_id())
    for _ in range(5):
        await story.tell(*(story.logged("x" * 10_000) for _ in range(300)))
    start = (await bus.position()).at(0)
    async with start_gateway(feed_linger_seconds=0) as gateway:
        async with gateway.follow(after=str(start)) as follower:
            await follower.next()
        assert await eventually(lambda: len(gateway.live.connections) == 0, within_seconds=2)
        assert await eventually(lambda: len(gateway.live.feeds) == 0)


async def test_pings_carry_the_cursor_forward(start_gateway: Start, bus: Bus) -> None:
    story = Story(bus, new_id())
    async with start_gateway(ping_seconds=0.1) as gateway:
        async with gateway.follow(f"/v1/events?job={new_id()}") as follower:
            await follower.next()
            await story.tell(story.started())
            position = str(await bus.position())
            async with asyncio.timeout(5):
                async for received in follower:
                    if received.event == "wayside.ping" and received.id == position:
                        break
        async with gateway.follow(after=position) as again:
            assert (await again.next()).event == "wayside.caught-up"


async def test_old_streams_say_goodbye_with_their_cursor(start_gateway: Start, bus: Bus) -> None:
    story = Story(bus, new_id())
    async with start_gateway(stream_max_age_seconds=0.3, ping_seconds=0.1) as gateway:
        async with gateway.follow() as follower:
            await follower.next()
            await story.tell(story.started())
            received = [one for one in await follower.rest() if one.event != "wayside.ping"]
        assert [one.event for one in received] == ["analysis.job.started", "wayside.bye"]
        assert received[-1].json == {"reason": "max_age", "cursor": str(await bus.position())}
        assert await eventually(lambda: len(gateway.live.connections) == 0)


async def test_a_token_that_expires_ends_its_stream(start_gateway: Start) -> None:
    async with start_gateway(ping_seconds=0.1) as gateway:
        headers = bearer(lifetime=1.5)
        async with gateway.follow(headers=headers) as follower:
            received = await follower.rest()
        assert (received[-1].event, received[-1].json["reason"]) == ("wayside.bye", "token_expired")


async def test_one_subject_has_only_so_many_streams(start_gateway: Start) -> None:
    async with (
        start_gateway(streams_per_subject=1) as gateway,
        gateway.follow(),
        gateway.follow(headers=bearer(subject="grace")),
        gateway.get("/v1/events") as answer,
    ):
        assert (answer.status, (await answer.json())["code"]) == (429, "too_many_streams")
        assert "Retry-After" in answer.headers


async def test_eventsource_is_told_to_wait_for_a_free_stream(start_gateway: Start) -> None:
    """It would take an error status as final, and the stream that is in its way may be its own, cut before."""
    async with (
        start_gateway(streams_per_subject=1) as gateway,
        gateway.follow(),
        gateway.follow() as follower,
    ):
        (only,) = await follower.rest()
    assert (only.event, only.json["code"]) == ("wayside.unavailable", "too_many_streams")
    assert (follower.retry or 0) > 2_000


async def test_a_gateway_that_stops_sends_its_clients_to_the_next(
    start_gateway: Start, bus: Bus, nats_url: str
) -> None:
    story = Story(bus, new_id())
    async with start_gateway() as successor:
        async with (
            start_gateway(drain_seconds=0.3) as gateway,
            gateway.follow() as one,
            gateway.follow() as other,
        ):
            await one.next()
            await other.next()
            await story.tell(story.started())
            await one.next()
            cleanup = asyncio.create_task(gateway.runner.cleanup())
            last = [(await follower.rest())[-1] for follower in (one, other)]
            await cleanup
        assert [(bye.event, bye.json["reason"]) for bye in last] == [("wayside.bye", "shutdown")] * 2
        assert {bye.id for bye in last} == {str(await bus.position())}
        await story.tell(story.progressed())
        async with successor.follow(after=last[0].id) as resumed:
            assert (await resumed.next()).json["id"] == f"{story.job_id}:2"


async def test_no_stream_begins_while_the_gateway_stops(gateway: GatewayHere) -> None:
    gateway.live.connections.is_draining = True
    async with gateway.follow() as follower:
        (only,) = await follower.rest()
    assert (only.event, only.json["code"]) == ("wayside.unavailable", "shutting_down")


async def test_no_task_is_kept_for_the_pings_of_a_connection(gateway: GatewayHere) -> None:
    async with gateway.follow() as one, gateway.follow() as other:
        await one.next()
        await other.next()
        names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]  # type: ignore[union-attr]
        assert not [name for name in names if name.endswith("_ping")]


async def test_a_gateway_process_drains_on_sigterm(
    nats_url: str, upstream: Upstream, bus: Bus, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The real process, as it is run."""
    story = Story(bus, new_id())
    async with gateway_process(nats_url, upstream.url, http, tmp_path) as (gateway, process):
        async with gateway.follow() as follower:
            await follower.next()
            await story.tell(story.started())
            await follower.next()
            process.terminate()
            (bye,) = await follower.rest()
        assert (bye.event, bye.json["reason"]) == ("wayside.bye", "shutdown")
        assert bye.id == str(await bus.position())
        async with asyncio.timeout(10):
            assert await process.wait() == 0
