"""A worker that says which time it is, run as a process: `python -m tests.e2e.clock_worker`."""

import asyncio
from datetime import UTC, datetime

from wayside import Context, Worker

worker = Worker(queues=["clocks"], slots=8)


@worker.job("clock.told")
async def told(ctx: Context) -> str:
    ctx.progress(50)
    ctx.log.info("half")
    return datetime.now(UTC).isoformat()


@worker.job("clock.long", lease_seconds=1)
async def long(ctx: Context) -> None:
    """Run longer than a lease, and live by heartbeats."""
    await asyncio.sleep(2.5)


@worker.job("clock.late", timeout_seconds=0.5, max_attempts=1)
async def late(ctx: Context) -> None:
    await asyncio.sleep(60)


@worker.job("clock.canceled")
async def canceled(ctx: Context) -> None:
    await asyncio.sleep(60)


if __name__ == "__main__":
    worker.run()
