"""How handlers end before they are done: cancel, time-out, fencing, shutdown."""

import asyncio
import contextlib
import threading
import time

import pytest
from tests.eventually import eventually
from tests.sdk.conftest import QUICK, serving
from tests.sdk.standin import JobRecord, StandIn

from wayside import Context, HandlerStopped, Stop, ThreadContext, Worker
from wayside.worker.running import run
from wayside_events.bus import BusSettings
from wayside_events.contracts.jobs import RunnerPush, runner_subject
from wayside_events.identifiers import new_id


class Seen:
    """What a handler noticed."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.stops: list[object] = []


@pytest.fixture
def seen(worker: Worker) -> Seen:
    """The worker serves `slow`, whose handler waits and notes why it has to end."""
    seen = Seen()

    @worker.job("slow")
    async def slow(ctx: Context) -> str:
        seen.started.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            seen.stops.append(ctx.stopping)
            raise
        return "done"

    return seen


@pytest.mark.parametrize("push", [True, False], ids=["by push", "by the answer to a report"])
async def test_a_canceled_job_is_cancelled_in_its_handler_and_acknowledged(
    service: StandIn, worker: Worker, seen: Seen, push: bool
) -> None:
    service.lease_seconds = 30 if push else 0.3
    async with serving(worker):
        job = await service.enqueue("slow")
        await seen.started.wait()
        await service.cancel(job, push=push)
        assert await eventually(lambda: job.status == "canceled")
    assert seen.stops == [Stop.CANCEL]
    assert job.kinds[-1] == "acknowledge_cancel"


async def test_a_cancel_that_overtakes_the_claim_keeps_the_handler_from_starting(
    service: StandIn, worker: Worker, seen: Seen
) -> None:
    async with serving(worker):
        assert await eventually(lambda: bool(service.claims))
        job = JobRecord(new_id(), "slow", None, cancel_requested=True)
        push = RunnerPush(job_id=job.id, attempt=1)
        await service.bus.notify(runner_subject(service.claims[0].runner), push.model_dump_json().encode())
        await service.add(job)
        assert await eventually(lambda: job.status == "canceled")
    assert not seen.started.is_set()


async def test_a_handler_may_clean_up_and_log_while_it_is_cancelled(service: StandIn, worker: Worker) -> None:
    @worker.job("report")
    async def report(ctx: Context) -> None:
        ctx.progress(1)
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0)
            ctx.log.info("cleaned up")

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: bool(job.progress))
        await service.cancel(job)
        assert await eventually(lambda: job.status == "canceled")
    assert job.log_messages == ["cleaned up"]


async def test_a_handler_that_finishes_in_spite_of_a_cancel_completes(
    service: StandIn, worker: Worker
) -> None:
    @worker.job("report")
    async def report(ctx: Context) -> str:
        ctx.progress(1)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(30)
        await asyncio.sleep(0)
        return "done all the same"

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: bool(job.progress))
        await service.cancel(job)
        assert await eventually(lambda: job.status == "completed")
    assert job.ending.result == "done all the same"


async def test_an_exception_while_a_cancel_is_heeded_does_not_fail_the_job(
    service: StandIn, worker: Worker
) -> None:
    @worker.job("report")
    async def report(ctx: Context) -> None:
        ctx.progress(1)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            raise RuntimeError("the connection was closed") from None

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: bool(job.progress))
        await service.cancel(job)
        assert await eventually(lambda: job.status == "canceled")
    assert "the connection was closed" in job.log_messages[0]


async def test_a_synchronous_handler_is_stopped_at_its_next_call_and_told_once(
    service: StandIn, worker: Worker, seen: Seen
) -> None:
    @worker.job("sync")
    def sync(ctx: ThreadContext) -> None:
        try:
            while True:
                ctx.progress(1)
                time.sleep(0.01)
        except HandlerStopped as stopped:
            seen.stops.append(stopped.stop)
            ctx.log.info("cleaned up")
            raise

    async with serving(worker):
        job = await service.enqueue("sync")
        assert await eventually(lambda: bool(job.progress))
        await service.cancel(job)
        assert await eventually(lambda: job.status == "canceled")
    assert seen.stops == [Stop.CANCEL]
    assert job.log_messages == ["cleaned up"]


async def test_an_attempt_that_runs_too_long_fails_with_a_timeout(
    service: StandIn, worker: Worker, seen: Seen
) -> None:
    async with serving(worker):
        job = await service.enqueue("slow", timeout_seconds=0.1)
        assert await eventually(lambda: job.status == "failed")
    assert (job.ending.error.code, job.ending.error.retryable) == ("timeout", True)
    assert seen.stops == [Stop.TIMEOUT]


async def test_an_attempt_that_was_lost_is_cancelled_and_reports_nothing(
    service: StandIn, worker: Worker, seen: Seen
) -> None:
    service.lease_seconds = 0.3
    async with serving(worker):
        job = await service.enqueue("slow")
        await seen.started.wait()
        job.token = "somebody else's"
        assert await eventually(lambda: bool(seen.stops))
    assert seen.stops == [Stop.FENCED]
    assert job.ending is None


async def test_heartbeats_keep_the_lease_of_a_silent_handler(service: StandIn, worker: Worker) -> None:
    service.lease_seconds = 0.3

    @worker.job("report")
    async def report(ctx: Context) -> None:
        await asyncio.sleep(0.65)

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: job.status == "completed")
    assert 4 <= job.kinds.count("heartbeat") <= 8


async def test_a_shutdown_lets_handlers_end_and_heartbeats_meanwhile(
    service: StandIn, worker: Worker
) -> None:
    service.lease_seconds = 0.3
    started = asyncio.Event()

    @worker.job("report")
    async def report(ctx: Context) -> str:
        started.set()
        await asyncio.sleep(0.7)
        return "done"

    async with serving(worker):
        job = await service.enqueue("report")
        await started.wait()
    assert job.status == "completed"
    assert job.kinds.count("heartbeat") >= 4


async def test_what_does_not_end_within_the_grace_is_given_back(
    service: StandIn, worker: Worker, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="wayside.worker")
    async with serving(worker):
        job = await service.enqueue("slow")
        await seen.started.wait()
    assert (job.status, job.kinds[-1]) == ("queued", "release")
    assert seen.stops == [Stop.SHUTDOWN]
    assert f"job {job.id} attempt 1 is given back: the worker ends" in caplog.text


async def test_a_second_request_to_stop_gives_everything_back_at_once(
    service: StandIn, worker: Worker, seen: Seen
) -> None:
    async with serving(worker):
        job = await service.enqueue("slow")
        await seen.started.wait()
        worker.stop()
        begun = time.monotonic()
    assert job.kinds[-1] == "release"
    assert time.monotonic() - begun < QUICK.shutdown_grace / 2


async def test_a_handler_thread_that_heeds_nothing_is_given_back_and_left_alone(
    service: StandIn, worker: Worker
) -> None:
    started, release = threading.Event(), threading.Event()

    @worker.job("deaf")
    def deaf(ctx: ThreadContext) -> None:
        started.set()
        release.wait(30)

    async with serving(worker):
        job = await service.enqueue("deaf")
        assert await eventually(started.is_set)
        worker.stop()
    assert job.kinds[-1] == "release"
    release.set()


async def test_a_worker_whose_task_is_cancelled_gives_everything_back(
    service: StandIn, worker: Worker, seen: Seen
) -> None:
    task = asyncio.create_task(worker.serve())
    job = await service.enqueue("slow")
    await seen.started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert job.kinds[-1] == "release"


async def test_an_idle_worker_ends_at_once_because_it_withdraws_its_claim(
    service: StandIn, nats_url: str
) -> None:
    worker = Worker(nats=BusSettings(url=nats_url))
    worker.job("report")(lambda ctx: None)
    async with serving(worker):
        assert await eventually(lambda: bool(service.claims))
        begun = time.monotonic()
    assert time.monotonic() - begun < 2


async def test_a_worker_that_never_reached_nats_can_be_stopped() -> None:
    worker = Worker(nats=BusSettings(url="nats://127.0.0.1:9"), patience=QUICK)
    worker.job("report")(lambda ctx: None)
    async with asyncio.timeout(5), serving(worker):
        await asyncio.sleep(0.05)


def test_a_handler_that_heeds_nothing_does_not_keep_the_process_from_ending() -> None:
    async def stubborn() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(30)

    left: list[asyncio.Task[None]] = []

    async def main() -> None:
        left.append(asyncio.create_task(stubborn()))
        await asyncio.sleep(0)

    begun = time.monotonic()
    run(main(), end_seconds=0.05)
    assert time.monotonic() - begun < 5
    assert not left[0].done()
    left[0].get_coro().close()
    left[0]._log_destroy_pending = False  # type: ignore[attr-defined]
