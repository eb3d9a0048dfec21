"""What the tests of every service with a database share: its migrated schema, instances that run, what they send."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import asyncpg
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from tests.conftest import PostgresForTests
from tests.eventually import eventually

from wayside_events.bus import Bus
from wayside_events.catalogue import AnyEvent
from wayside_events.cursor import Cursor
from wayside_service.database import Migrator
from wayside_service.database.migrations import Migration

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Instance: TypeAlias = TestClient[web.Request, web.Application]


def migrated_template(server: PostgresForTests, schema: str, migrations: Sequence[Migration]) -> str:
    """Create a database with a service's schema, to be copied for each test, and return its name."""
    name = f"{schema}_template"
    dsn = server.create_database(name)

    async def migrate() -> None:
        connection = await asyncpg.connect(dsn)
        await Migrator(schema, migrations).run(connection)
        await connection.close()

    asyncio.run(migrate())
    return name


@asynccontextmanager
async def running(app: web.Application) -> AsyncIterator[Instance]:
    """Run an instance while the context lasts, from when it is ready on."""
    async with TestClient(TestServer(app)) as client:

        async def ready() -> bool:
            async with client.get("/readyz") as response:
                return response.status == 200

        assert await eventually(ready)
        yield client


@asynccontextmanager
async def connected(dsn: str, schema: str) -> AsyncIterator[Connection]:
    """A plain connection to the database of instances."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": f"{schema},public"})
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def recorded(bus: Bus, events: list[AnyEvent]) -> AsyncIterator[None]:
    """Add every event of the stream to `events`, from its beginning on, while the context lasts."""
    start = Cursor((await bus.state()).epoch, 0)
    record = events.append

    async def read() -> None:
        async for event in bus.events(after=start):
            record(event)

    task = asyncio.create_task(read())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
