"""Plain HTTP and SSE against a gateway: deliberately not the SDK, which is tested elsewhere."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

DEADLINE_SECONDS = 40


@dataclass(frozen=True)
class Frame:
    """One event of an SSE stream."""

    event: str
    id: str | None
    data: str

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Api:
    """One user at one gateway."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self.session = session
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        async with self.session.request(
            method, self.url + path, json=body, headers=self.headers | headers
        ) as answer:
            return answer.status, await answer.json(content_type=None)

    async def get(self, path: str) -> Any:
        status, body = await self.call("GET", path)
        assert status == 200, body
        return body

    async def post(self, path: str, body: Any) -> Any:
        status, answer = await self.call("POST", path, body)
        assert status in (200, 201, 202), answer
        return answer

    async def start_job(self, job_type: str, **work: Any) -> Any:
        async def create() -> Any:
            status, job = await self.call(
                "POST", "/v1/jobs", {"type": job_type, "scope": "acme", "input": work or None}
            )
            assert status == 201 or job["code"] == "unknown_job_type", job
            return job if status == 201 else None

        # The worker's registration is the first thing it does, but it may not have come that far.
        return await until(create)

    async def finished(self, job_id: str) -> Any:
        async def done() -> Any:
            job = await self.get(f"/v1/jobs/{job_id}")
            return job if job["status"] in ("completed", "failed", "canceled") else None

        return await until(done)

    @asynccontextmanager
    async def stream(self, path: str, last_id: str | None = None) -> AsyncIterator[AsyncIterator[Frame]]:
        headers = self.headers | ({"Last-Event-ID": last_id} if last_id else {})
        timeout = aiohttp.ClientTimeout(total=None, sock_read=DEADLINE_SECONDS)
        async with self.session.get(self.url + path, headers=headers, timeout=timeout) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.content_type == "text/event-stream"
            yield frames(answer.content)


async def frames(content: aiohttp.StreamReader) -> AsyncIterator[Frame]:
    """Parse an SSE stream as the WHATWG rules say, as far as our own server uses them."""
    event, last_id, data = "message", None, list[str]()
    async for raw in content:
        line = raw.decode().rstrip("\n").rstrip("\r")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            event = value
        elif name == "id":
            last_id = value
        elif name == "data":
            data.append(value)
        elif line == "" and data:
            yield Frame(event, last_id, "\n".join(data))
            event, data = "message", []


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = DEADLINE_SECONDS) -> Any:
    """Poll until the condition gives something, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        if result := await condition():
            return result
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)
