"""A stand-in for the services on the real bus, the real services, and workers that serve beside the test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.conftest import PostgresForTests
from tests.e2e.cluster import Cluster, cluster
from tests.sdk.standin import StandIn

from wayside import Client, Patience, Tracker, TrackerSettings, Worker
from wayside_events.bus import Bus, BusSettings

QUICK = Patience(claim_wait=2, shutdown_grace=2, stopping=1, flush=2)


@pytest.fixture(scope="session")
def services(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresForTests
) -> Iterator[Cluster]:
    """One instance of each service, for all tests that only talk to them."""
    with (
        postgres_server.database() as dsn,
        cluster(tmp_path_factory.mktemp("services"), dsn, count=1) as running,
    ):
        asyncio.run(running.start())
        yield running


@pytest.fixture
async def client(services: Cluster) -> AsyncIterator[Client]:
    async with Client(services.gateway[0].url, token=services.token()) as client:
        yield client


@pytest.fixture
async def service(nats_url: str) -> AsyncIterator[StandIn]:
    async with Bus.connected(BusSettings(url=nats_url)) as bus:
        service = StandIn(bus)
        await service.start()
        yield service


@pytest.fixture
def worker(nats_url: str) -> Worker:
    return Worker(slots=2, nats=BusSettings(url=nats_url), patience=QUICK)


@pytest.fixture
async def tracker(nats_url: str) -> AsyncIterator[Tracker]:
    settings = TrackerSettings(
        nats=BusSettings(url=nats_url), start_seconds=1, exit_seconds=1, detached_limit=2
    )
    tracker = Tracker(settings)
    yield tracker
    await asyncio.to_thread(tracker.close)


@contextlib.asynccontextmanager
async def serving(worker: Worker) -> AsyncIterator[Worker]:
    """Serve until the context ends, then shut down gracefully."""
    task = asyncio.create_task(worker.serve())
    try:
        yield worker
    finally:
        worker.stop()
        await task
