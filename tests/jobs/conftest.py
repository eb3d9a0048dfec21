"""Fixtures of the jobs service: migrated databases, instances on the real PostgreSQL and NATS, and their events."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from tests.conftest import PostgresForTests
from tests.eventually import eventually
from tests.instances import Connection, connected, migrated_template, recorded, running
from tests.jobs.api import Api, RunnerForTests, settings_for

from wayside_events.bus import Bus, BusSettings
from wayside_events.catalogue import AnyEvent
from wayside_jobs.app import SCHEMA, build, migrations

__all__ = ["Connection", "EventLog", "StartInstance"]

StartInstance = Callable[..., Coroutine[Any, Any, Api]]


@pytest.fixture(scope="session")
def jobs_template(postgres_server: PostgresForTests) -> str:
    return migrated_template(postgres_server, SCHEMA, migrations())


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
            return Api(await stack.enter_async_context(running(app)))

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
    async with connected(jobs_database, SCHEMA) as opened:
        yield opened


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
    async with recorded(bus, log.events):
        yield log
