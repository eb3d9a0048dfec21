"""A worker that writes down every attempt it begins, run as a process: `python -m tests.e2e.counting_worker`."""

import asyncio
import os
from pathlib import Path

from pydantic import BaseModel

from wayside import Context, Worker

STEPS = 4

worker = Worker(queues=["default"], slots=16)


class Count(BaseModel):
    number: int


class Counted(BaseModel):
    number: int
    attempt: int


@worker.job("count", lease_seconds=5, max_attempts=5)
async def count(ctx: Context, work: Count) -> Counted:
    with Path(os.environ["COUNTED"]).open("a") as begun:
        begun.write(f"{work.number} {ctx.attempt}\n")
    for step in range(1, STEPS + 1):
        ctx.progress(current=step, total=STEPS, message=f"step {step}")
        ctx.log.info("step", number=step)
        await asyncio.sleep(0.02)
    return Counted(number=work.number, attempt=ctx.attempt)


if __name__ == "__main__":
    worker.run()
