"""Tracked operations of code that is not asynchronous, of functions, and of web handlers whose client leaves."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from tests.eventually import eventually
from tests.sdk.standin import JobRecord, StandIn

from wayside import (
    JobCanceled,
    SyncTrackedJob,
    TrackedJob,
    Tracker,
    TrackerSettings,
    current_job,
    finish_tracked,
    run_tracked,
    track,
)
from wayside_events.bus import BusSettings


def only(service: StandIn) -> JobRecord:
    (record,) = service.jobs.values()
    return record


async def test_a_plain_block_completes_its_job(service: StandIn, tracker: Tracker) -> None:
    def view() -> str | None:
        with track("import", scope="acme", input={"rows": 2}, tracker=tracker) as job:
            job.progress(current=1, total=2)
            job.log.info("loaded", rows=2)
            job.result = {"imported": 2}
        return job.id

    job_id = await asyncio.to_thread(view)
    record = only(service)
    assert (record.id, record.status, record.ending.result) == (job_id, "completed", {"imported": 2})
    assert (record.progress, record.log_messages) == ({"current": 1, "total": 2}, ["loaded"])


async def test_an_exception_fails_the_job_of_a_plain_block_and_goes_on(
    service: StandIn, tracker: Tracker
) -> None:
    def view() -> None:
        with track("import", scope="acme", tracker=tracker):
            raise ValueError("no rows")

    with pytest.raises(ValueError, match="no rows"):
        await asyncio.to_thread(view)
    assert (only(service).status, only(service).ending.error.message) == ("failed", "no rows")


Call = Callable[[SyncTrackedJob], object]


@pytest.mark.parametrize(
    "call",
    [lambda job: job.progress(1), lambda job: job.log.info("x"), lambda job: job.check()],
    ids=["progress", "log", "check"],
)
async def test_a_cancel_is_raised_at_the_next_call_of_a_plain_block(
    service: StandIn, tracker: Tracker, call: Call
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def view() -> None:
        with track("import", scope="acme", tracker=tracker) as job:
            begun.set()
            while not job.cancel_requested:
                ended.wait(0.01)
            try:
                call(job)
            finally:
                job.log.info("cleaned up")

    view_ended = asyncio.create_task(asyncio.to_thread(view))
    assert await eventually(begun.is_set)
    await service.cancel(only(service))
    with pytest.raises(JobCanceled):
        await view_ended
    assert only(service).status == "canceled"
    assert only(service).log_messages[-1:] == ["cleaned up"]


async def test_a_plain_block_may_have_a_time_limit(service: StandIn, tracker: Tracker) -> None:
    def view() -> None:
        with track("import", scope="acme", timeout_seconds=0.05, tracker=tracker) as job:
            while True:
                job.check()

    with pytest.raises(TimeoutError):
        await asyncio.to_thread(view)
    assert only(service).ending.error.code == "timeout"


def test_a_plain_block_runs_without_wayside() -> None:
    tracker = Tracker(
        TrackerSettings(nats=BusSettings(url="nats://127.0.0.1:9"), start_seconds=0.1, exit_seconds=0.1)
    )
    with track("import", scope="acme", tracker=tracker) as job:
        job.progress(10)
    assert job.id is None
    tracker.close()


async def test_each_call_of_a_tracked_function_is_a_job_with_its_result(
    service: StandIn, tracker: Tracker
) -> None:
    @track("import", scope="acme", tracker=tracker)
    async def asynchronous(rows: int) -> int:
        job = current_job()
        assert job is not None
        job.progress(50)
        return rows

    @track("import", scope="acme", tracker=tracker)
    def plain(rows: int) -> int:
        return rows

    assert [await asynchronous(1), await asynchronous(2), await asyncio.to_thread(plain, 3)] == [1, 2, 3]
    assert [record.ending.result for record in service.jobs.values()] == [1, 2, 3]
    assert current_job() is None


class Operation:
    """An operation of a web handler that waits until it is let go."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.error: BaseException | None = None

    async def __call__(self, job: TrackedJob) -> str:
        job.progress(50)
        try:
            await self.release.wait()
        except BaseException as error:
            self.error = error
            raise
        return "generated"


async def test_an_operation_goes_on_when_the_client_of_its_handler_leaves(
    service: StandIn, tracker: Tracker
) -> None:
    operation, cancelled = Operation(), asyncio.Event()

    async def handler(_: web.Request) -> web.Response:
        try:
            await run_tracked(operation, "import", scope="acme", tracker=tracker)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return web.Response()

    app = web.Application()
    app.router.add_post("/generate", handler)
    async with TestServer(app) as server, ClientSession() as session:
        await server.start_server(handler_cancellation=True)
        request = asyncio.create_task(session.post(server.make_url("/generate")))
        assert await eventually(lambda: bool(service.jobs) and only(service).progress == {"percent": 50})
        request.cancel()
        async with asyncio.timeout(10):
            await cancelled.wait()
        operation.release.set()
        await finish_tracked(10, tracker=tracker)
    assert (only(service).status, only(service).ending.result) == ("completed", "generated")


async def test_a_handler_that_stays_gets_what_its_operation_returns(
    service: StandIn, tracker: Tracker
) -> None:
    operation = Operation()
    operation.release.set()
    assert await run_tracked(operation, "import", scope="acme", tracker=tracker) == "generated"
    assert tracker.operations == set()


async def test_a_cancel_of_the_job_is_raised_inside_its_operation_and_told_to_the_handler(
    service: StandIn, tracker: Tracker
) -> None:
    operation = Operation()
    running = asyncio.create_task(run_tracked(operation, "import", scope="acme", tracker=tracker))
    assert await eventually(lambda: bool(service.jobs) and bool(only(service).progress))
    await service.cancel(only(service))
    with pytest.raises(JobCanceled):
        await running
    assert isinstance(operation.error, asyncio.CancelledError)
    assert only(service).status == "canceled"


async def test_what_does_not_end_by_the_shutdown_is_cancelled_and_said_to_be_interrupted(
    service: StandIn, tracker: Tracker
) -> None:
    running = asyncio.create_task(run_tracked(Operation(), "import", scope="acme", tracker=tracker))
    assert await eventually(lambda: bool(service.jobs) and bool(only(service).progress))
    await finish_tracked(0.05, tracker=tracker)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await eventually(lambda: only(service).status == "failed")
    assert only(service).ending.error.code == "interrupted"


async def test_beyond_the_limit_an_operation_ends_with_its_handler(
    service: StandIn, tracker: Tracker
) -> None:
    operations = [Operation() for _ in range(3)]
    running = [
        asyncio.create_task(run_tracked(operation, "import", scope="acme", tracker=tracker))
        for operation in operations
    ]
    assert await eventually(lambda: [job.progress for job in service.jobs.values()] == [{"percent": 50}] * 3)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert [operation.error is None for operation in operations] == [True, True, False]
    for operation in operations:
        operation.release.set()
    await finish_tracked(5, tracker=tracker)
