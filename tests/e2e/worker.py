"""The worker of the end-to-end tests, run as a process: `python -m tests.e2e.worker`."""

import asyncio

from pydantic import BaseModel

from wayside import Context, Proposal, Worker
from wayside_events.contracts.jobs import Backoff


class Steps(BaseModel):
    steps: int
    pause_seconds: float = 0.05


class Done(BaseModel):
    steps: int
    attempt: int


class Pairs(BaseModel):
    count: int


SOON = Backoff(initial_seconds=0.1)

worker = Worker(queues=["default"], slots=8)


@worker.job("steps", phases=["work"])
async def steps(ctx: Context, work: Steps) -> Done:
    for step in range(work.steps):
        ctx.progress(current=step, total=work.steps, phase="work", message=f"step {step}")
        ctx.log.info("step", number=step)
        await asyncio.sleep(work.pause_seconds)
    return Done(steps=work.steps, attempt=ctx.attempt)


@worker.job("stuck_once", lease_seconds=1, backoff=SOON)
async def stuck_once(ctx: Context) -> Done:
    """Hang in the first attempt, until somebody kills the process."""
    ctx.progress(50, message="in the middle of it")
    if ctx.attempt == 1:
        await asyncio.sleep(3_600)
    return Done(steps=0, attempt=ctx.attempt)


@worker.job("pairs")
async def pairs(ctx: Context, work: Pairs) -> None:
    await ctx.propose(
        Proposal(
            from_node_id=f"node {number}",
            to_node_id=f"node {number + 1}",
            relationship_type="next",
            confidence=0.5,
            source_model="pairs-1",
        )
        for number in range(work.count)
    )


if __name__ == "__main__":
    worker.run()
