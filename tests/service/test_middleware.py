"""What happens around every request."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from structlog.testing import LogCapture
from tests.service.sample import Client, Serve

from wayside_service.http import RouteTable
from wayside_service.middleware.cursor import POSITION, StreamPosition
from wayside_service.tracing import current_traceparent

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"

routes = RouteTable()


@routes.get("/trace", summary="Trace", answers={200: str | None}, role=None)
async def trace() -> str | None:
    return current_traceparent()


@routes.post("/change", summary="Change", answers={204: None}, role=None)
async def change() -> None: ...


@routes.get("/old", summary="Redirect", answers={200: None}, role=None)
async def old() -> None:
    raise web.HTTPFound("/trace")


@routes.get("/things/{number}", summary="Thing", answers={200: int}, role=None)
async def thing(number: int) -> int:
    return number


@pytest.fixture
async def client(serve: Serve) -> AsyncIterator[Client]:
    async with serve(routes) as opened:
        yield opened


async def test_a_sane_request_id_is_kept_and_any_other_replaced(client: Client) -> None:
    kept = await client.get("/trace", headers={"X-Request-Id": "req-1.a"})
    assert kept.headers["X-Request-Id"] == "req-1.a"
    for wrong in ("a b", "x" * 200, "<script>", ""):
        answer = await client.get("/trace", headers={"X-Request-Id": wrong})
        assert answer.headers["X-Request-Id"] not in ("", wrong)


async def test_the_callers_trace_goes_on_in_a_span_of_its_own(client: Client) -> None:
    inside: str = await (await client.get("/trace", headers={"traceparent": CALLER})).json()
    assert inside.startswith(f"00-{TRACE}-")
    assert inside.endswith("-01")
    assert inside != CALLER


@pytest.mark.parametrize(
    "header", ["", "nonsense", f"00-{'0' * 32}-b7ad6b7169203331-01", CALLER.replace("00-", "ff-")]
)
async def test_without_a_valid_trace_a_new_one_begins(client: Client, header: str) -> None:
    inside: str = await (await client.get("/trace", headers={"traceparent": header})).json()
    assert len(inside) == len(CALLER)
    assert TRACE not in inside


async def test_a_request_is_logged_without_its_query(client: Client, log: LogCapture) -> None:
    await client.get("/things/7?ticket=hunter2", headers={"X-Request-Id": "r7", "traceparent": CALLER})
    entry = next(entry for entry in log.entries if entry["event"] == "request")
    assert (entry["path"], entry["status"], entry["request_id"], entry["trace_id"]) == (
        "/things/7",
        422,
        "r7",
        TRACE,
    )
    assert "hunter2" not in str(log.entries)


async def test_an_expected_error_is_logged_at_info(client: Client, log: LogCapture) -> None:
    await client.get("/nowhere")
    assert {entry["log_level"] for entry in log.entries} == {"info"}


async def test_requests_are_counted_by_the_pattern_of_their_path(client: Client) -> None:
    for path in ("/things/1", "/things/2", "/nowhere/1", "/nowhere/2"):
        await client.get(path)
    text = await (await client.get("/metrics")).text()
    assert 'wayside_http_requests_total{method="GET",route="/things/{number}",status="200"} 2.0' in text
    assert 'wayside_http_requests_total{method="GET",route="unmatched",status="404"} 2.0' in text
    assert "wayside_event_loop_lag_seconds_count" in text
    assert "process_resident_memory_bytes" in text


async def test_a_redirect_is_no_error(client: Client) -> None:
    answer = await client.get("/old", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, "/trace")


async def test_every_answer_has_the_basic_security_headers(client: Client) -> None:
    for path in ("/trace", "/nowhere"):
        headers = (await client.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


class Stream:
    """A bus of which only the position is asked."""

    def __init__(self) -> None:
        self.is_connected = True
        self.sequence = 0
        self.questions = 0

    async def position(self) -> str:
        self.questions += 1
        answer = f"e-{self.sequence}"
        await asyncio.sleep(0.02)
        return answer


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
async def streaming_client(serve: Serve, stream: Stream) -> AsyncIterator[Client]:
    async def bus(app: web.Application) -> AsyncIterator[None]:
        app[POSITION] = StreamPosition(stream)
        yield

    async with serve(routes, resources=[bus]) as opened:
        yield opened


async def test_a_get_says_from_where_to_stream_on(streaming_client: Client, stream: Stream) -> None:
    stream.sequence = 41
    assert (await streaming_client.get("/trace")).headers["Wayside-Cursor"] == "e-41"
    assert "Wayside-Cursor" not in (await streaming_client.post("/change")).headers


async def test_callers_at_the_same_time_share_one_question(streaming_client: Client, stream: Stream) -> None:
    await asyncio.gather(*(streaming_client.get("/trace") for _ in range(10)))
    assert stream.questions == 1


async def test_a_position_is_asked_again_after_a_tenth_of_a_second(
    streaming_client: Client, stream: Stream
) -> None:
    await streaming_client.get("/trace")
    await asyncio.sleep(0.15)
    stream.sequence = 9
    assert (await streaming_client.get("/trace")).headers["Wayside-Cursor"] == "e-9"


async def test_the_cursor_is_left_out_while_the_bus_is_down(streaming_client: Client, stream: Stream) -> None:
    stream.is_connected = False
    answer = await streaming_client.get("/trace")
    assert answer.status == 200
    assert "Wayside-Cursor" not in answer.headers
