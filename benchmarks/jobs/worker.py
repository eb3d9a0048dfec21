"""The worker process: a `wayside.Worker` as anybody would write it. Usage: worker <slots>."""

import asyncio
import sys
import time
from typing import Any

from benchmarks.speech import orders, say
from wayside import Context, NonRetryable, Worker

NOOP = "bench.noop"
PICKUP = "bench.pickup"
PROGRESS = "bench.progress"
FAILING = "bench.failing"


async def noop(_ctx: Context) -> None:
    """Do nothing."""


async def pickup(_ctx: Context) -> int:
    """Return when the handler started, on the clock that all processes of a machine share."""
    return time.monotonic_ns()


async def progress(ctx: Context, input: dict[str, float]) -> str:  # noqa: A002 - the name of the field
    """Call `progress` for so many seconds, every `pause_seconds` or as fast as the loop goes round; return the last.

    Every call says when it is made, and which it is.
    """
    began = time.monotonic()
    count, said = 0, ""
    while (now := time.monotonic()) < began + input["seconds"]:
        count += 1
        said = f"{time.monotonic_ns()} {count}"
        ctx.progress(message=said)
        await asyncio.sleep(max(began + count * input["pause_seconds"] - now, 0))
    return said


async def failing(_ctx: Context) -> None:
    """Fail for good."""
    raise NonRetryable("as it should")


def worker(slots: int) -> Worker:
    """Return a worker that serves all of them."""
    made = Worker(name="bench", slots=slots)
    for name, function in HANDLERS.items():
        made.job(name)(function)
    return made


HANDLERS: dict[str, Any] = {NOOP: noop, PICKUP: pickup, PROGRESS: progress, FAILING: failing}


async def main() -> None:
    """Serve until the parent closes the line."""
    serving = worker(int(sys.argv[1]))
    task = asyncio.create_task(serving.serve())
    say(started=True)
    async for _ in orders():
        pass
    serving.stop()
    await task


if __name__ == "__main__":
    asyncio.run(main())
