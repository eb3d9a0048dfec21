"""Fixtures of wayside_service: settings, databases and a sample service."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
import structlog
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import LogCapture
from tests.service.sample import SECRET, Client, OpenDatabase, Serve, settings_for

from wayside_service.app import create_app
from wayside_service.auth import BearerAuthenticator, SharedSecret, TokenVerifier
from wayside_service.database import Database
from wayside_service.database.migrations import Migration
from wayside_service.errors import ErrorTable
from wayside_service.http import ApiInfo, RouteTable
from wayside_service.outbox import OUTBOX_SQL


@pytest.fixture
def serve() -> Serve:
    """Serve routes as a sample service; a context manager that yields its client."""

    @asynccontextmanager
    async def open_client(
        routes: RouteTable, errors: ErrorTable | None = None, **options: Any
    ) -> AsyncIterator[Client]:
        verifier = TokenVerifier(SharedSecret(SECRET), issuer="wayside", audience="wayside")
        app = create_app(
            ApiInfo("Sample", "1.0.0"),
            routes=routes,
            authenticator=BearerAuthenticator(verifier),
            errors=errors,
            **options,
        )
        async with TestClient(TestServer(app)) as client:
            yield client

    return open_client


@pytest.fixture
def open_database(database: str) -> OpenDatabase:
    """Open the test's database with an outbox, ready; each call is another instance of the service."""

    @asynccontextmanager
    async def open_one(schema: str = "sample") -> AsyncIterator[Database]:
        opened = Database(
            settings_for(database), schema=schema, migrations=[Migration(1, "outbox", OUTBOX_SQL)]
        )
        await opened.start()
        try:
            await opened.ready()
            yield opened
        finally:
            await opened.close()

    return open_one


@pytest.fixture
async def connection(database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A plain connection to the test's database."""
    opened = await asyncpg.connect(database)
    yield opened
    await opened.close()


@pytest.fixture
def log() -> Iterator[LogCapture]:
    """What is logged during the test."""
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture
    structlog.configure(**before)
