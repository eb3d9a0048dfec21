"""The reverse proxy: what passes, what does not, and what is said when a service is down."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import psutil
import pytest
from tests.gateway.conftest import Start
from tests.gateway.upstream import Upstream
from tests.gateway.world import GatewayHere, bearer
from yarl import URL

from wayside_events.bus import Bus

MEGABYTE = 1024 * 1024


async def test_a_request_reaches_its_service_as_it_is(gateway: GatewayHere) -> None:
    async with gateway.http.post(
        URL(gateway.url + "/v1/jobs?x=1&y=%2F", encoded=True),
        data=b"{}",
        headers=bearer() | {"Content-Type": "application/json"},
    ) as answer:
        seen = await answer.json()
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/v1/jobs?x=1&y=%2F", "{}")
    assert seen["headers"]["content-type"] == "application/json"
    assert seen["headers"]["content-length"] == "2"
    assert seen["headers"]["authorization"].startswith("Bearer ")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs/1/cancel",
        "/v1/job-types",
        "/v1/queues/a/pause",
        "/v1/suggestions/1/approve",
        "/v1/graph/path",
    ],
)
async def test_all_routes_of_the_services_are_passed_on(gateway: GatewayHere, path: str) -> None:
    async with gateway.get(path) as answer:
        assert (await answer.json())["path"] == path


async def test_headers_about_the_connection_stay_on_it(gateway: GatewayHere) -> None:
    sent = {
        "Connection": "X-Mine",
        "X-Mine": "1",
        "TE": "trailers",
        "X-Theirs": "2",
        "Expect": "100-continue",
    }
    async with gateway.http.post(gateway.url + "/v1/jobs", data=b"x", headers=sent) as answer:
        seen = (await answer.json())["headers"]
        assert "x-mine" not in seen
        assert "te" not in seen
        assert seen["x-theirs"] == "2"
        assert "X-Private" not in answer.headers
        assert answer.headers["X-Public"] == "2"


async def test_the_request_id_and_the_trace_go_along(gateway: GatewayHere) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with gateway.get("/v1/jobs", **{"X-Request-Id": "abc", "traceparent": trace}) as answer:
        seen = (await answer.json())["headers"]
    assert seen["x-request-id"] == answer.headers["X-Request-Id"] == "abc"
    assert seen["traceparent"].split("-")[1] == trace.split("-")[1]
    assert seen["x-forwarded-for"] == "127.0.0.1"


async def test_a_compressed_body_arrives_readable(gateway: GatewayHere) -> None:
    async with gateway.http.post(gateway.url + "/v1/jobs", data=b"a" * 5000, compress="gzip") as answer:
        seen = await answer.json()
    assert seen["body"] == "a" * 5000
    assert "content-encoding" not in seen["headers"]


async def test_large_bodies_pass_both_ways_without_being_held(
    start_gateway: Start, upstream: Upstream
) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield bytes(MEGABYTE)

    async with start_gateway(body_limit_bytes=100 * MEGABYTE) as gateway:
        before = psutil.Process().memory_info().rss
        async with gateway.http.post(gateway.url + "/v1/jobs/upload", data=body()) as answer:
            assert await answer.json() == {"received": 64 * MEGABYTE}
        received = 0
        async with gateway.get("/v1/jobs/download/64") as answer:
            async for chunk in answer.content.iter_any():
                received += len(chunk)
        assert received == 64 * MEGABYTE
        assert psutil.Process().memory_info().rss - before < 24 * MEGABYTE


@pytest.mark.parametrize("known", [True, False])
async def test_a_body_over_the_limit_is_413(start_gateway: Start, known: bool) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield bytes(600)
        yield bytes(600)

    async with start_gateway(body_limit_bytes=1_000) as gateway:
        data = bytes(1_200) if known else body()
        async with gateway.http.post(gateway.url + "/v1/jobs/upload", data=data) as answer:
            assert (answer.status, (await answer.json())["code"]) == (413, "body_too_large")


async def test_a_service_that_is_down_is_503_until_it_is_back(
    gateway: GatewayHere, upstream: Upstream
) -> None:
    await upstream.stop()
    async with gateway.get("/v1/jobs") as answer:
        assert (answer.status, (await answer.json())["code"]) == (503, "upstream_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    async with gateway.get("/readyz") as answer:
        assert set((await answer.json())["checks"]) >= {"jobs", "governance", "nats"}
        assert answer.status == 503
    await upstream.start()
    async with gateway.get("/v1/jobs") as answer:
        assert answer.status == 200


async def test_another_instance_answers_for_one_that_is_down(
    start_gateway: Start, upstream: Upstream
) -> None:
    async with start_gateway(jobs_url=f"http://127.0.0.1:1,{upstream.url}") as gateway:
        for _ in range(4):
            async with gateway.http.post(gateway.url + "/v1/jobs", data=b"x") as answer:
                assert (await answer.json())["body"] == "x"


async def test_instances_take_turns(start_gateway: Start, upstream: Upstream, bus: Bus) -> None:
    async with (
        Upstream(bus).serving() as other,
        start_gateway(jobs_url=f"{upstream.url},{other.url}") as gateway,
    ):
        for _ in range(6):
            async with gateway.get("/v1/jobs"):
                pass
        assert (len(upstream.requests), len(other.requests)) == (3, 3)


async def test_a_service_that_does_not_answer_in_time_is_504(start_gateway: Start) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with (
        server,
        start_gateway(governance_url=url, upstream_read_seconds=0.2, wait=False) as gateway,
        gateway.get("/v1/edges") as answer,
    ):
        assert (answer.status, (await answer.json())["code"]) == (504, "upstream_timeout")


async def test_a_request_with_a_body_is_not_sent_twice(start_gateway: Start, upstream: Upstream) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"x")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    urls = f"{upstream.url},http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, start_gateway(jobs_url=urls, wait=False) as gateway:
        upstream.requests.clear()
        async with asyncio.timeout(5), gateway.http.get(gateway.url + "/v1/jobs", data=b"x") as answer:
            assert (answer.status, (await answer.json())["code"]) == (503, "upstream_unavailable")
    assert upstream.requests == []


async def test_a_client_that_goes_away_takes_its_request_along(start_gateway: Start) -> None:
    arrived, ended = asyncio.Event(), asyncio.Event()

    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await reader.read()
        ended.set()
        writer.close()

    server = await asyncio.start_server(work, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, start_gateway(governance_url=url, wait=False) as gateway, asyncio.timeout(5):
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"GET /v1/edges HTTP/1.1\r\nHost: x\r\n\r\n")
        await arrived.wait()
        writer.close()
        await ended.wait()


SMUGGLED = b"GET /v1/jobs/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Content-Length: +5",
    ],
)
async def test_a_request_whose_length_is_in_doubt_is_refused(
    gateway: GatewayHere, upstream: Upstream, head: str
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n0\r\n\r\n".encode() + SMUGGLED)
    assert (await reader.read()).startswith(b"HTTP/1.0 400")
    writer.close()
    assert upstream.requests == []


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
async def test_an_upgrade_changes_nothing_of_the_request(
    gateway: GatewayHere, upstream: Upstream, protocol: str
) -> None:
    sent = {"Connection": "Upgrade", "Upgrade": protocol}
    async with gateway.http.post(gateway.url + "/v1/jobs", data=SMUGGLED, headers=sent) as answer:
        seen = await answer.json()
    assert seen["body"] == SMUGGLED.decode()
    assert not {"upgrade", "connection"} & set(seen["headers"])
    assert len(upstream.requests) == 1


async def test_an_answer_that_breaks_off_does_not_look_whole(gateway: GatewayHere) -> None:
    with pytest.raises(aiohttp.ClientError):
        async with gateway.get("/v1/jobs/broken/off") as answer:
            await answer.read()


@pytest.mark.parametrize(
    "path", ["/", "/v1/nothing", "/v1/jobsearch", "/v1/jobs/../../healthz", "/v1/jobs/%2e%2e/x"]
)
async def test_other_paths_are_404(gateway: GatewayHere, upstream: Upstream, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"route_not_found" in answer
    assert upstream.requests == []


async def test_a_body_that_is_not_what_it_says_is_the_callers_fault(gateway: GatewayHere) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n"
    writer.write(head.encode() + b"nope")
    assert (await reader.readline()).startswith(b"HTTP/1.1 400")
    writer.close()
