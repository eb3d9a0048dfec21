"""Fixtures of governance: migrated databases, instances on the real PostgreSQL and NATS, and the events they send."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress

import asyncpg
import pytest
from aiohttp.test_utils import TestClient, TestServer
from tests.conftest import PostgresForTests
from tests.eventually import eventually
from tests.governance.api import Api, settings_for

from wayside_events.bus import Bus, BusSettings
from wayside_events.catalogue import AnyEvent
from wayside_events.cursor import Cursor
from wayside_governance.app import SCHEMA, build, migrations
from wayside_service.database import Migrator

StartInstance = Callable[[], Awaitable[Api]]


@pytest.fixture(scope="session")
def governance_template(postgres_server: PostgresForTests) -> str:
    dsn = postgres_server.create_database("governance_template")

    async def migrate() -> None:
        connection = await asyncpg.connect(dsn)
        await Migrator(SCHEMA, migrations()).run(connection)
        await connection.close()

    asyncio.run(migrate())
    return "governance_template"


@pytest.fixture
def governance_database(postgres_server: PostgresForTests, governance_template: str) -> Iterator[str]:
    with postgres_server.database(template=governance_template) as dsn:
        yield dsn


@pytest.fixture
async def start_instance(governance_database: str, nats_url: str) -> AsyncIterator[StartInstance]:
    """Start one more instance of the service; all share database and NATS."""
    async with AsyncExitStack() as stack:

        async def start() -> Api:
            app = build(settings_for(governance_database, nats_url))
            client = await stack.enter_async_context(TestClient(TestServer(app)))

            async def ready() -> bool:
                async with client.get("/readyz") as response:
                    return response.status == 200

            assert await eventually(ready)
            return Api(client)

        yield start


@pytest.fixture
async def api(start_instance: StartInstance) -> Api:
    """One instance, as a worker that may do everything sees it."""
    return await start_instance()


@pytest.fixture
async def reviewer(api: Api) -> Api:
    """The same instance, as a reviewer who proposed nothing sees it."""
    return api.as_("rita", "reviewer")


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with Bus.connected(BusSettings(url=nats_url)) as bus:
        await bus.ensure_stream()
        yield bus


@pytest.fixture
async def connection(governance_database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A plain connection to the instances' database."""
    opened = await asyncpg.connect(governance_database, server_settings={"search_path": f"{SCHEMA},public"})
    yield opened
    await opened.close()


class EventLog:
    """Every event of the stream, from its beginning on."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def types(self, entity_id: str | None = None) -> list[str]:
        return [event.type for event in self.events if entity_id in (None, event.subject)]

    async def has(self, count: int, entity_id: str | None = None) -> bool:
        """Wait for `count` events and see that no more come at once."""
        found = await eventually(lambda: len(self.types(entity_id)) >= count)
        await asyncio.sleep(0.05)
        return found and len(self.types(entity_id)) == count


@pytest.fixture
async def log(bus: Bus) -> AsyncIterator[EventLog]:
    log = EventLog()
    start = Cursor((await bus.state()).epoch, 0)

    async def read() -> None:
        async for event in bus.events(after=start):
            log.events.append(event)

    task = asyncio.create_task(read())
    yield log
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
