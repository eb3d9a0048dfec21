"""Handlers that heed nothing: left alone after the grace period, in nobody's way, and said to be."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import pytest
from tests.eventually import eventually
from tests.sdk.conftest import serving
from tests.sdk.standin import JobRecord, StandIn
from tests.sdk.test_reporter import new_attempt

from wayside import Context, HandlerStopped, Stop, ThreadContext, Worker
from wayside.context import Surroundings
from wayside.runner.runner import Runner
from wayside.worker.execution import Execution
from wayside.worker.handlers import job_handler
from wayside.worker.slots import Slots
from wayside_events.bus import BusSettings


class Deaf:
    """Handlers that heed nothing until the test lets them go, and what they got from their context then."""

    def __init__(self, worker: Worker) -> None:
        self.released = threading.Event()
        self.started = threading.Event()
        self.refused: list[Stop] = []
        worker.job("thread")(self.thread)
        worker.job("async")(self.asynchronous)

    def thread(self, ctx: ThreadContext) -> str:
        self.started.set()
        self.released.wait(30)
        for call in (lambda: ctx.progress(99), lambda: ctx.log.info("late"), ctx.check):
            self.note(call)
        return "late"

    async def asynchronous(self, ctx: Context) -> str:
        self.started.set()
        while not self.released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
        for call in (lambda: ctx.progress(99), lambda: ctx.log.info("late"), lambda: ctx.phase("late")):
            self.note(call)
        return "late"

    def note(self, call: object) -> None:
        assert callable(call)
        try:
            call()
        except HandlerStopped as stopped:
            self.refused.append(stopped.stop)


@pytest.fixture
def deaf(worker: Worker, service: StandIn) -> Iterator[Deaf]:
    service.cancel_grace_seconds, service.lease_seconds, service.beat_seconds = 0.1, 0.6, 0.1
    deaf = Deaf(worker)
    yield deaf
    deaf.released.set()


async def running(service: StandIn, deaf: Deaf, name: str, **fields: float) -> JobRecord:
    job = await service.enqueue(name, **fields)
    assert await eventually(deaf.started.is_set)
    return job


@pytest.mark.parametrize("name", ["thread", "async"])
async def test_a_handler_that_heeds_no_cancel_is_left_alone_and_what_it_says_then_counts_for_nothing(
    service: StandIn, worker: Worker, deaf: Deaf, name: str
) -> None:
    async with serving(worker):
        job = await running(service, deaf, name)
        await service.cancel(job)
        assert await eventually(lambda: bool(job.log_messages))
        job.status, job.token = "canceled", "forced"
        deaf.released.set()
        assert await eventually(lambda: len(deaf.refused) == 3)
    assert deaf.refused in ([Stop.CANCEL] * 3, [Stop.FENCED] * 3)
    assert "does not end" in job.log_messages[0]
    assert job.ending is None


async def test_the_slot_of_an_abandoned_handler_is_free_and_the_beat_counts_it_apart(
    service: StandIn, worker: Worker, deaf: Deaf
) -> None:
    @worker.job("quick")
    async def quick(ctx: Context) -> None:
        await asyncio.sleep(0)

    async with serving(worker):
        jobs = [await service.enqueue("thread") for _ in range(2)]
        assert await eventually(lambda: all(job.status == "running" for job in jobs))
        for job in jobs:
            await service.cancel(job)
        other = await service.enqueue("quick")
        assert await eventually(lambda: other.status == "completed")
        assert await eventually(lambda: service.beats[-1].abandoned == 2)
        assert service.beats[-1].running == 0
        deaf.released.set()
        assert await eventually(lambda: service.beats[-1].abandoned == 0)


async def test_an_attempt_that_nobody_forces_is_left_to_its_lease(
    service: StandIn, worker: Worker, deaf: Deaf
) -> None:
    async with serving(worker):
        job = await running(service, deaf, "async")
        await service.cancel(job)
        assert await eventually(lambda: bool(job.log_messages))
        heard = len(job.reports)
        assert await eventually(lambda: len(job.reports) > heard)
    assert job.ending is None


async def test_an_abandoned_handler_whose_time_is_over_has_failed(
    service: StandIn, worker: Worker, deaf: Deaf
) -> None:
    async with serving(worker):
        job = await running(service, deaf, "async", timeout_seconds=0.1)
        assert await eventually(lambda: job.status == "failed")
    assert job.ending.error.code == "timeout"


class Seen:
    """An overseer that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_end(self, execution: Execution) -> None:
        self.told.append("end")

    def on_abandoned(self, execution: Execution) -> None:
        self.told.append("abandoned")


async def test_whoever_hears_after_the_end_that_the_attempt_is_lost_is_not_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def quick(ctx: Context) -> None:
        pass

    attempt = new_attempt(cancel_grace_seconds=0)
    runner = Runner("r", BusSettings(url="nats://127.0.0.1:9"))
    surroundings = Surroundings(runner, "tests", asyncio.get_running_loop())
    seen = Seen()
    await Execution(attempt, job_handler("quick", quick, {}), surroundings, Slots(1).take(), seen).run()
    attempt.stop(Stop.FENCED)
    await asyncio.sleep(0.01)
    assert seen.told == ["end"]
    assert not attempt.is_abandoned
    assert not caplog.records
