import asyncio

from structlog.testing import LogCapture
from tests.eventually import eventually

from wayside_service.tasks import background, end


async def test_work_in_the_background_ends_with_the_block() -> None:
    async with background(asyncio.sleep(60), "sleep") as task:
        await asyncio.sleep(0)
        assert not task.done()
    assert task.cancelled()


async def test_a_task_that_lost_a_cancellation_is_cancelled_again() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(end(task), 5)
    assert task.cancelled()


async def test_a_failure_in_the_background_is_logged_when_it_happens(log: LogCapture) -> None:
    async def fails() -> None:
        raise ValueError

    async with background(fails(), "fails"):
        assert await eventually(lambda: bool(log.entries))
    assert (log.entries[0]["event"], log.entries[0]["task"]) == ("task_failed", "fails")
