"""Clusters of real processes: one instance of each service, or two."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.conftest import PostgresForTests
from tests.e2e.cluster import Cluster, cluster


@pytest.fixture
async def single(tmp_path: Path, database: str) -> AsyncIterator[Cluster]:
    with cluster(tmp_path, database, count=1) as running:
        await running.start()
        yield running


@pytest.fixture
async def doubled(tmp_path: Path, database: str) -> AsyncIterator[Cluster]:
    with cluster(tmp_path, database, count=2) as running:
        await running.start()
        yield running


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresForTests) -> Iterator[Cluster]:
    """One instance of each service for all tests that stop nothing and share no scope."""
    folder = tmp_path_factory.mktemp("cluster")
    with postgres_server.database() as dsn, cluster(folder, dsn, count=1) as running:
        asyncio.run(running.start())
        yield running
