"""A worker for the tests that need one as a process of its own: `python -m tests.sdk.served`."""

import asyncio
import logging
import time

from wayside import Context, Patience, ThreadContext, Worker
from wayside_events.contracts.jobs import Backoff

worker = Worker(slots=4, patience=Patience(shutdown_grace=0.3, stopping=5))


@worker.job("steps", lease_seconds=2)
async def steps(ctx: Context, count: int) -> dict[str, int]:
    for number in ctx.iterate(range(count), unit="steps", percent=(0, 90)):
        ctx.log.info("step", number=number)
        await asyncio.sleep(0.05)
    return {"attempt": ctx.attempt, "count": count}


@worker.job("stuck_once", lease_seconds=2, backoff=Backoff(initial_seconds=0.1))
async def stuck_once(ctx: Context) -> int:
    """Hang in the first attempt."""
    ctx.progress(50)
    if ctx.attempt == 1:
        await asyncio.sleep(3_600)
    return ctx.attempt


@worker.job("threaded", lease_seconds=2)
def threaded(ctx: ThreadContext, seconds: float) -> str:
    """Keep a processor busy for a while, without ever giving the event loop a turn by itself."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ctx.progress(message="busy")
    return "done"


@worker.job("blocking", lease_seconds=2)
async def blocking(ctx: Context, seconds: float) -> str:
    """Do what an async handler must not."""
    time.sleep(seconds)  # noqa: ASYNC251
    return "done"


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    worker.run()
