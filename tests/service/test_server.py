"""Bytes that are no request: what comes back when no route was reached."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from wayside_service.http.server import ProblemRunner


@pytest.fixture
async def port() -> AsyncIterator[int]:
    runner = ProblemRunner(web.Application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


UNREADABLE = [
    (b"\x00\x01\r\n\r\n", 400, "malformed_request"),
    (b"GET / HTTP/1.1\r\nNo colon\r\n\r\n", 400, "malformed_request"),
    (b"GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 400, "malformed_request"),
    (
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(5_000)) + b"\r\n",
        400,
        "malformed_request",
    ),
    (b"GET / HTTP/1.1\r\nX: " + b"a" * 10_240 + b"\r\n\r\n", 431, "head_too_large"),
    (b"GET /" + b"a" * 10_240 + b" HTTP/1.1\r\n\r\n", 431, "head_too_large"),
]


@pytest.mark.parametrize("sent, status, code", UNREADABLE)
async def test_what_is_no_request_is_answered_with_a_problem(
    port: int, sent: bytes, status: int, code: str
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    writer.close()
    assert b"application/problem+json" in head
    assert int(head.split()[1]) == status
    document = json.loads(body)
    assert (document["status"], document["code"]) == (status, code)
