"""Taskiq on NATS JetStream, by its pull-based broker and uvloop, as its own command runs it."""

import asyncio

import nats
import uvloop
from taskiq import AsyncTaskiqDecoratedTask
from taskiq.api import run_receiver_task
from taskiq_nats import PullBasedJetStreamBroker

from benchmarks.jobs.peers.tally import Tally, create_when_told, end_with_parent, play
from benchmarks.speech import say

BATCH = 100
CONCURRENCY = 1_000
IN_FLIGHT = 500


async def create(address: str, count: int) -> None:
    """Create jobs, many in flight."""
    broker = PullBasedJetStreamBroker(address)
    noop = _task(broker, Tally(0))
    await broker.startup()
    numbers = iter(range(count))

    async def one_by_one() -> None:
        for number in numbers:
            await noop.kiq(number)

    await create_when_told(lambda: asyncio.gather(*(one_by_one() for _ in range(IN_FLIGHT))))
    await broker.shutdown()


async def work(address: str, count: int) -> None:
    """Handle them."""
    broker = PullBasedJetStreamBroker(address, pull_consume_batch=BATCH)
    _task(broker, Tally(count))
    end_with_parent()
    say(started=True)
    await run_receiver_task(broker, run_startup=True, max_async_tasks=CONCURRENCY, max_prefetch=BATCH)


async def left(address: str, _count: int) -> None:
    """Say how many messages nobody has acknowledged."""
    client = await nats.connect(address)
    found = await client.jetstream().consumer_info("taskiq_jetstream", "taskiq_durable")
    say(left=(found.num_pending or 0) + (found.num_ack_pending or 0))
    await client.close()


def _task(broker: PullBasedJetStreamBroker, tally: Tally) -> "AsyncTaskiqDecoratedTask[[int], None]":
    async def noop(number: int) -> None:
        tally.add(number)

    return broker.register_task(noop, "noop")


if __name__ == "__main__":
    play({"create": create, "work": work, "left": left}, uvloop.run)
