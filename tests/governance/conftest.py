"""Fixtures of governance: migrated databases, instances on the real PostgreSQL and NATS, and the events they send."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
from tests.conftest import PostgresForTests
from tests.eventually import eventually
from tests.governance.api import Api, settings_for
from tests.instances import Connection, connected, migrated_template, recorded, running

from wayside_events.bus import Bus, BusSettings
from wayside_events.catalogue import AnyEvent
from wayside_governance.app import SCHEMA, build, migrations

__all__ = ["Connection", "EventLog", "StartInstance"]

StartInstance = Callable[[], Awaitable[Api]]


@pytest.fixture(scope="session")
def governance_template(postgres_server: PostgresForTests) -> str:
    return migrated_template(postgres_server, SCHEMA, migrations())


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
            return Api(await stack.enter_async_context(running(app)))

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
async def connection(governance_database: str) -> AsyncIterator[Connection]:
    """A plain connection to the instances' database."""
    async with connected(governance_database, SCHEMA) as opened:
        yield opened


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
    async with recorded(bus, log.events):
        yield log
