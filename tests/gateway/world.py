"""What a test does with a gateway: ask it, follow its streams, and make events happen."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from tests.eventually import eventually

from wayside_events.bus import Bus, OutgoingMessage
from wayside_events.envelope import Event
from wayside_events.jobs import (
    JobCompleted,
    JobCompletedData,
    JobLogData,
    JobLogged,
    JobMode,
    JobProgressData,
    JobProgressed,
    JobStarted,
    JobStartedData,
    LogEntry,
    LogLevel,
    Progress,
)
from wayside_gateway.live import LIVE, Live
from wayside_service.auth import mint_token

SECRET = "a secret of at least thirty-two bytes"
ACME: Mapping[str, Sequence[str]] = {"acme": ["viewer"]}


def token(grants: Mapping[str, Sequence[str]] = ACME, *, subject: str = "ada", lifetime: float = 3600) -> str:
    return mint_token(SECRET, subject=subject, grants=grants, lifetime=timedelta(seconds=lifetime))


def bearer(grants: Mapping[str, Sequence[str]] = ACME, **options: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(grants, **options)}"}


@dataclass
class Received:
    """One server-sent event as a client sees it."""

    event: str = "message"
    data: str = ""
    id: str = ""
    retry: int | None = None

    @property
    def json(self) -> Any:
        return orjson.loads(self.data)

    @property
    def sequence(self) -> int:
        return int(self.id.rpartition("-")[2])


@dataclass
class Follower:
    """A client of one stream; it keeps the id of the last event as EventSource does."""

    response: aiohttp.ClientResponse
    last_id: str = ""
    retry: int | None = None
    seen: list[Received] = field(default_factory=list)

    def __aiter__(self) -> AsyncIterator[Received]:
        return self._events()

    async def next(self, *, within_seconds: float = 10) -> Received:
        """Return the next event that is no ping."""
        async with asyncio.timeout(within_seconds):
            async for received in self:
                if received.event != "wayside.ping":
                    return received
        raise EOFError

    async def take(self, count: int) -> list[Received]:
        return [await self.next() for _ in range(count)]

    async def until(self, event: str) -> list[Received]:
        """Return all up to the first of that name, that one included."""
        taken: list[Received] = []
        while not taken or taken[-1].event != event:
            taken.append(await self.next())
        return taken

    async def rest(self) -> list[Received]:
        """Return everything up to the end of the stream."""
        return [received async for received in self]

    async def _events(self) -> AsyncIterator[Received]:
        received, lines = Received(id=self.last_id), []
        while line := await self.response.content.readline():
            name, _, value = line.decode().rstrip("\n").partition(":")
            value = value.removeprefix(" ")
            match name:
                case "event":
                    received.event = value
                case "data":
                    lines.append(value)
                case "id":
                    received.id = value
                case "retry":
                    self.retry = received.retry = int(value)
                case "":
                    self.last_id, received.data = received.id, "\n".join(lines)
                    if lines:
                        self.seen.append(received)
                        yield received
                    received, lines = Received(id=self.last_id), []
                case _:
                    raise AssertionError(line)


@dataclass
class Gateway:
    """A gateway that listens on a port of this machine."""

    http: aiohttp.ClientSession
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ready(self) -> None:
        async def is_ready() -> bool:
            async with self.http.get(self.url + "/readyz") as answer:
                return answer.status == 200

        assert await eventually(is_ready)

    @asynccontextmanager
    async def follow(
        self, path: str = "/v1/events", *, after: str | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Follower]:
        """Open a stream; with `after`, resume it."""
        sent = {"Accept": "text/event-stream", **bearer(), **(headers or {})}
        if after is not None:
            sent["Last-Event-ID"] = after
        async with self.http.get(self.url + path, headers=sent) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            yield Follower(response, after or "")

    @asynccontextmanager
    async def get(self, path: str, **headers: str) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self.http.get(self.url + path, headers=bearer() | headers) as response:
            yield response


@dataclass
class GatewayHere(Gateway):
    """A gateway in this process, to look into."""

    app: web.Application
    runner: web.AppRunner

    @property
    def live(self) -> Live:
        return self.app[LIVE]


class Story:
    """Events of one job, in order of revision."""

    def __init__(self, bus: Bus, job_id: str, scope: str = "acme") -> None:
        self._bus = bus
        self.job_id = job_id
        self.scope = scope
        self.revision = 0

    def _envelope(self) -> dict[str, Any]:
        self.revision += 1
        return {"scope": self.scope, "revision": self.revision, "time": datetime.now(UTC)}

    def _job(self) -> dict[str, Any]:
        return {"job_id": self.job_id, "job_type": "demo", "attempt": 1}

    def _lifecycle(self) -> dict[str, Any]:
        return {**self._job(), "queue": "default", "mode": JobMode.QUEUED}

    def started(self) -> Event[Any]:
        return JobStarted.of(JobStartedData(**self._lifecycle(), runner="r"), **self._envelope())

    def progressed(self, percent: float = 1.0, message: str | None = None) -> Event[Any]:
        progress = Progress(percent=percent, message=message)
        return JobProgressed.of(JobProgressData(**self._job(), progress=progress), **self._envelope())

    def logged(self, message: str) -> Event[Any]:
        entry = LogEntry(seq=self.revision + 1, time=datetime.now(UTC), level=LogLevel.INFO, message=message)
        return JobLogged.of(JobLogData(**self._job(), entries=(entry,)), **self._envelope())

    def completed(self) -> Event[Any]:
        data = JobCompletedData(**self._lifecycle(), result={"ok": True}, duration_seconds=1.0)
        return JobCompleted.of(data, **self._envelope())

    async def tell(self, *events: Event[Any]) -> None:
        await publish(self._bus, *events)


async def publish(bus: Bus, *events: Event[Any]) -> None:
    await bus.publish_batch([OutgoingMessage(e.nats_subject, e.id, e.to_json()) for e in events])
