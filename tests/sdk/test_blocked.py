"""A handler that blocks the event loop of its worker: it is named, leases are kept, and nothing is lost to it."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Self

import pytest
from tests.eventually import eventually
from tests.sdk.conftest import QUICK
from tests.sdk.standin import StandIn

from wayside import Context, Worker
from wayside.worker import watch
from wayside_events.bus import BusSettings


@pytest.fixture(autouse=True)
def quick_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.1)


class Served:
    """A worker in a thread of its own, so that it blocks nothing of the test."""

    def __init__(self, nats_url: str) -> None:
        self.blocks, self.release = threading.Event(), threading.Event()
        self.seen: list[str] = []
        self.worker = worker = Worker(slots=3, nats=BusSettings(url=nats_url), patience=QUICK)
        self._thread = threading.Thread(target=lambda: asyncio.run(worker.serve()))

        @worker.job("blocking")
        async def blocking(ctx: Context) -> str:
            self.seen.append(ctx.job_id)
            ctx.progress(10)
            await asyncio.sleep(0.2)
            self.blocks.set()
            hold(self.release)
            return "done"

        @worker.job("plain")
        async def plain(ctx: Context) -> str:
            self.seen.append(ctx.job_id)
            return "done"

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release.set()
        self.worker.stop()
        await asyncio.to_thread(self._thread.join)


def hold(release: threading.Event) -> None:
    """What blocks."""
    release.wait(20)


@pytest.fixture
async def served(service: StandIn, nats_url: str) -> AsyncIterator[Served]:
    service.lease_seconds = 1.5
    async with Served(nats_url) as served:
        yield served


async def test_a_handler_that_blocks_the_loop_is_named_and_keeps_its_lease(
    service: StandIn, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    job = await service.enqueue("blocking")
    assert await eventually(lambda: job.kinds.count("heartbeat") >= 2)
    assert "the handler 'blocking'" in caplog.text
    assert "hold(self.release)" in caplog.text
    assert "execution.py" not in caplog.text
    begun = time.monotonic()
    served.release.set()
    assert await eventually(lambda: job.status == "completed")
    assert time.monotonic() - begun < 5
    assert (job.attempt, job.ending.result) == (1, "done")
    assert job.log_messages == ["this handler blocks the event loop of its worker"]
    assert await eventually(lambda: "blocked the event loop for" in caplog.text)


async def test_what_a_blocked_worker_was_given_unheard_goes_to_others(
    service: StandIn, served: Served
) -> None:
    job = await service.enqueue("blocking")
    assert await eventually(served.blocks.is_set)
    unheard = await service.enqueue("plain")
    assert await eventually(lambda: service.taken_back == [unheard.id])
    service.give(unheard, "other")
    served.release.set()
    assert await eventually(lambda: job.status == "completed")
    after = await service.enqueue("plain")
    assert await eventually(lambda: after.status == "completed")
    assert (served.seen, unheard.runner, unheard.reports) == ([job.id, after.id], "other", [])
