"""A stand-in for the services on the real bus, and workers that serve beside the test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest
from tests.sdk.standin import StandIn

from wayside import Patience, Worker
from wayside_events.bus import Bus, BusSettings

Serving = Callable[[Worker], AbstractAsyncContextManager[Worker]]

QUICK = Patience(claim_wait=2, shutdown_grace=2, stopping=1, flush=2)


@pytest.fixture
async def service(nats_url: str) -> AsyncIterator[StandIn]:
    async with Bus.connected(BusSettings(url=nats_url)) as bus:
        service = StandIn(bus)
        await service.start()
        yield service


@pytest.fixture
def worker(nats_url: str) -> Worker:
    return Worker(slots=2, nats=BusSettings(url=nats_url), patience=QUICK)


@contextlib.asynccontextmanager
async def serving(worker: Worker) -> AsyncIterator[Worker]:
    """Serve until the context ends, then shut down gracefully."""
    task = asyncio.create_task(worker.serve())
    try:
        yield worker
    finally:
        worker.stop()
        await task
