"""arq on Redis."""

import asyncio
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func

from benchmarks.jobs.peers.tally import Tally, create_when_told, end_with_parent, play
from benchmarks.speech import say

CONCURRENCY = 100
POLL_SECONDS = 0.01
READ_LIMIT = 100
"""Jobs read at each poll; more are looked at again and again while they wait for their turn."""
IN_FLIGHT = 100


async def create(address: str, count: int) -> None:
    """Create jobs, many in flight."""
    pool = await create_pool(RedisSettings.from_dsn(address))
    numbers = iter(range(count))

    async def one_by_one() -> None:
        for number in numbers:
            await pool.enqueue_job("noop", number)

    await create_when_told(lambda: asyncio.gather(*(one_by_one() for _ in range(IN_FLIGHT))))
    await pool.aclose()


async def work(address: str, count: int) -> None:
    """Handle them."""
    tally = Tally(count)

    async def noop(_ctx: dict[Any, Any], number: int) -> None:
        tally.add(number)

    worker = Worker(
        [func(noop, name="noop")],
        redis_settings=RedisSettings.from_dsn(address),
        max_jobs=CONCURRENCY,
        poll_delay=POLL_SECONDS,
        queue_read_limit=READ_LIMIT,
        log_results=False,
    )
    end_with_parent()
    say(started=True)
    await worker.async_run()


async def left(address: str, count: int) -> None:
    """Say how many jobs are still in the queue, or have no result."""
    pool = await create_pool(RedisSettings.from_dsn(address))
    results = await pool.all_job_results()
    say(left=await pool.zcard("arq:queue") + abs(count - sum(result.success for result in results)))
    await pool.aclose()


if __name__ == "__main__":
    play({"create": create, "work": work, "left": left})
