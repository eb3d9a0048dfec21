"""Requests whose caller goes away halfway."""

import asyncio
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs
from tests.eventually import eventually
from tests.governance.api import SCOPE, SECRET, Api, proposal

from wayside_service.auth import mint_token
from wayside_service.metrics import METRICS


def head(content_type: str, length: int) -> bytes:
    token = mint_token(SECRET, subject="worker", grants={SCOPE: ("runner",)})
    return (
        f"POST /v1/suggestions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def line(number: int) -> bytes:
    return orjson.dumps(proposal(number)) + b"\n"


def in_progress(api: Api) -> float:
    server: Any = api.client.server
    return server.app[METRICS].registry.get_sample_value("wayside_http_requests_in_progress") or 0.0


async def stored(api: Api) -> int:
    return len((await api.get("/v1/suggestions", limit=200)).body["items"])


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
async def test_a_caller_that_goes_away_halfway_is_no_failure_of_the_service(
    api: Api, content_type: str
) -> None:
    server: Any = api.client.server
    body = b"".join(line(number) for number in range(5)) + line(5)[:-20]
    with capture_logs() as logs:
        _, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(head(content_type, 100_000) + body)
        await writer.drain()
        assert await eventually(lambda: in_progress(api) > 0)
        writer.close()
        await writer.wait_closed()
        assert await eventually(lambda: any("status" in entry for entry in logs), within_seconds=3)
    assert not [entry for entry in logs if entry["log_level"] == "error"]
    assert await stored(api) == 0
