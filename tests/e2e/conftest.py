"""Clusters of real processes: one instance of each service, or two."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
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
