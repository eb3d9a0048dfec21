"""A service as a process: how it starts, what it says while something is missing, how it ends."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from tests.conftest import PostgresForTests
from tests.eventually import eventually
from tests.service.sample import SECRET

from wayside_events.bus import Bus, BusSettings
from wayside_events.stream import STREAM_NAME
from wayside_standalone.nats import NatsServer

ROOT = Path(__file__).parents[2]


class Process:
    """One running service and a client for it."""

    def __init__(self, process: asyncio.subprocess.Process, client: ClientSession) -> None:
        self.process = process
        self.client = client

    async def ready(self) -> dict[str, Any]:
        async with self.client.get("/readyz") as answer:
            document: dict[str, Any] = await answer.json()
        assert (answer.status == 200) == (document["status"] == "ok")
        return document

    async def is_ready(self) -> bool:
        return bool((await self.ready())["status"] == "ok")

    async def missing(self) -> list[str]:
        return [name for name, result in (await self.ready())["checks"].items() if result != "ok"]

    async def status(self, method: str, path: str) -> int:
        async with self.client.request(method, path) as answer:
            return answer.status


@pytest.fixture
async def own_servers(
    own_postgres_server: PostgresForTests, nats_server: NatsServer
) -> tuple[PostgresForTests, NatsServer]:
    own_postgres_server.create_database("notes")
    return own_postgres_server, nats_server


@pytest.fixture
async def service(own_servers: tuple[PostgresForTests, NatsServer], tmp_path: Path) -> AsyncIterator[Process]:
    """A service whose PostgreSQL and NATS are not running yet."""
    postgres, nats = own_servers
    postgres.stop()
    nats.stop()
    port_file = tmp_path / "port"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "WAYSIDE_DATABASE_URL": postgres.dsn("notes"),
        "WAYSIDE_NATS_URL": nats.url,
        "WAYSIDE_JWT_SECRET": SECRET,
        "WAYSIDE_PORT": "0",
        "WAYSIDE_PORT_FILE": str(port_file),
    }
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.service.note_service", env=environment, stderr=log, cwd=tmp_path
        )
    try:
        assert await eventually(port_file.exists)
        port = int(port_file.read_text())
        async with ClientSession(f"http://127.0.0.1:{port}") as client:
            yield Process(process, client)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_it_starts_without_its_dependencies_says_so_and_recovers(
    service: Process, own_servers: tuple[PostgresForTests, NatsServer]
) -> None:
    postgres, nats = own_servers
    assert await service.ready() == {
        "status": "unavailable",
        "checks": {"postgres": "no connection", "nats": "not connected"},
    }
    assert await service.status("GET", "/healthz") == 200
    async with service.client.get("/v1/notes") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        assert (await answer.json(content_type=None))["code"] == "database_unavailable"
        assert "Wayside-Cursor" not in answer.headers
    async with service.client.get("/v1/position") as answer:
        assert (await answer.json(content_type=None))["code"] == "bus_unavailable"
    await asyncio.gather(asyncio.to_thread(postgres.start), asyncio.to_thread(nats.start))
    assert await eventually(service.is_ready)
    assert await service.status("POST", "/v1/notes/1") == 201
    async with service.client.get("/v1/notes") as answer:
        assert await answer.json() == 1


async def test_each_dependency_that_goes_away_is_named_until_it_is_back(
    service: Process, own_servers: tuple[PostgresForTests, NatsServer]
) -> None:
    for server in own_servers:
        await asyncio.to_thread(server.start)
    assert await eventually(service.is_ready)
    for server in own_servers:
        await asyncio.to_thread(server.stop)

        async def is_named(name: str = server.name) -> bool:
            return await service.missing() == [name]

        assert await eventually(is_named)
        await asyncio.to_thread(server.start)
        assert await eventually(service.is_ready)


async def test_a_stream_that_was_deleted_is_made_again_before_anybody_publishes(
    service: Process, own_servers: tuple[PostgresForTests, NatsServer]
) -> None:
    for server in own_servers:
        await asyncio.to_thread(server.start)
    assert await eventually(service.is_ready)
    async with Bus.connected(BusSettings(url=own_servers[1].url)) as bus:
        before = await bus.position()
        await bus._connection.client.request(f"$JS.API.STREAM.DELETE.{STREAM_NAME}", b"")
        assert await eventually(service.is_ready)
        assert (await bus.position()).epoch != before.epoch


async def test_what_is_committed_is_published_and_the_cursor_moves(
    service: Process, own_servers: tuple[PostgresForTests, NatsServer]
) -> None:
    for server in own_servers:
        await asyncio.to_thread(server.start)
    assert await eventually(service.is_ready)
    assert await service.status("POST", "/v1/notes/7") == 201

    async def cursor_is_one() -> bool:
        async with service.client.get("/v1/notes") as answer:
            return answer.headers.get("Wayside-Cursor", "").endswith("-1")

    assert await eventually(cursor_is_one)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_cleanly_when_asked(service: Process, tmp_path: Path, number: signal.Signals) -> None:
    service.process.send_signal(number)
    assert await asyncio.wait_for(service.process.wait(), 10) == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert "stopping" in [line["event"] for line in lines]
    assert {line["service"] for line in lines} == {"notes"}
    assert not [line for line in lines if line["level"] == "error"]
