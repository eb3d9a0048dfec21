"""Fixtures of the jobs service: migrated databases, instances on the real PostgreSQL and NATS, and their events."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, suppress
from typing import Any, TypeAlias

import asyncpg
import pytest
from aiohttp.test_utils import TestClient, TestServer
from tests.conftest import PostgresForTests
from tests.eventually import eventually
from tests.jobs.api import Api, RunnerForTests, settings_for

from wayside_events.bus import Bus, BusSettings
from wayside_events.catalogue import AnyEvent
from wayside_events.cursor import Cursor
from wayside_jobs.app import SCHEMA, build, migrations
from wayside_service.database import Migrator

StartInstance = Callable[..., Coroutine[Any, Any, Api]]
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture(scope="session")
def jobs_template(postgres_server: PostgresForTests) -> str:
    dsn = postgres_server.create_database("jobs_template")

    async def migrate() -> None:
        connection = await asyncpg.connect(dsn)
        await Migrator(SCHEMA, migrations()).run(connection)
        await connection.close()

    asyncio.run(migrate())
    return "jobs_template"


@pytest.fixture
def jobs_database(postgres_server: PostgresForTests, jobs_template: str) -> Iterator[str]:
    with postgres_server.database(template=jobs_template) as dsn:
        yield dsn


@pytest.fixture
async def start_instance(jobs_database: str, nats_url: str) -> AsyncIterator[StartInstance]:
    """Start one more instance of the service; all share database and NATS."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Api:
            app = build(settings_for(jobs_database, nats_url, **settings))
            client = await stack.enter_async_context(TestClient(TestServer(app)))

            async def ready() -> bool:
                async with client.get("/readyz") as response:
                    return response.status == 200

            assert await eventually(ready)
            return Api(client)

        yield start


@pytest.fixture
async def api(start_instance: StartInstance) -> Api:
    return await start_instance()


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with Bus.connected(BusSettings(url=nats_url)) as bus:
        await bus.ensure_stream()
        yield bus


@pytest.fixture
async def runner(api: Api, bus: Bus) -> RunnerForTests:
    """A runner whose type is registered at a running instance."""
    runner = RunnerForTests(bus)
    await runner.register()
    return runner


@pytest.fixture
async def connection(jobs_database: str) -> AsyncIterator[Connection]:
    """A plain connection to the instances' database."""
    opened = await asyncpg.connect(jobs_database, server_settings={"search_path": f"{SCHEMA},public"})
    yield opened
    await opened.close()


class EventLog:
    """Every event of the stream, from its beginning on."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def of(self, job_id: str) -> list[AnyEvent]:
        return [event for event in self.events if event.subject == job_id]

    def types(self, job_id: str) -> list[str]:
        """The last tokens of the types of a job's events, in order."""
        return [event.type.rpartition(".")[2] for event in self.of(job_id)]

    async def has(self, job_id: str, *types: str) -> bool:
        """Wait for exactly these events of a job."""
        return await eventually(lambda: self.types(job_id) == list(types))

    async def ends_with(self, job_id: str, last: str) -> bool:
        """Wait until the newest event of a job is this one."""
        return await eventually(lambda: self.types(job_id)[-1:] == [last])


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
