"""No-op jobs through the whole of it: created, claimed, completed, and every event received."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from benchmarks.child import Child
from benchmarks.cpu import CpuClock
from benchmarks.jobs.plan import Plan
from benchmarks.jobs.verify import Row, lifecycle_faults, read_received, shortened
from benchmarks.jobs.worker import NOOP
from benchmarks.outcome import Outcome, Value
from benchmarks.system import System

WARM_UP_SHARE = 0.05
SECONDS_PER_JOB = 0.05
LEAST_SECONDS = 60
SETTLE_SECONDS = 0.5
"""How long after the last completion a repeat of an event may still arrive, to be seen."""

ROWS = """
SELECT id::text AS id, scope, type, status, revision, attempt, created_at, started_at, finished_at, result
FROM jobs WHERE type = $1
"""


async def measure(system: System, plan: Plan) -> Outcome:
    """Measure the whole way with everything at once, then a backlog that is drained."""
    async with (
        system.child("subscriber") as subscriber,
        system.child("creator", plan.batches_in_flight) as creator,
    ):
        async with system.child("worker", plan.slots, user="runner") as worker:
            await subscriber.hear("started", seconds=LEAST_SECONDS)
            await registered(system, NOOP)
            await pass_through(subscriber, creator, max(int(plan.jobs * WARM_UP_SHARE), 10))
            ours = {"worker": worker.pid, "creator": creator.pid, "subscriber": subscriber.pid}
            clock = CpuClock({**system.pids(), **ours})
            began, ended = await pass_through(subscriber, creator, plan.jobs)
            cpu = clock.shares()
        backlog = await _create(creator, plan.jobs)
        await subscriber.tell(await_completed=plan.jobs)
        async with system.child("worker", plan.slots, user="runner"):
            drained_at = await subscriber.hear("completed", seconds=patience(plan.jobs))
        faults, first_start = await _verify(system, subscriber, after=backlog["ended"])
    rates = {
        "created_per_s": plan.jobs / seconds(backlog["began"], backlog["ended"]),
        "drained_per_s": plan.jobs / seconds(first_start, drained_at),
    }
    details: dict[str, Value] = {name: round(rate, 1) for name, rate in rates.items()}
    rate = round(plan.jobs / seconds(began, ended), 1)
    return Outcome({"jobs_per_s": rate}, {"jobs": plan.jobs, **details, **cpu}, faults)


async def pass_through(subscriber: Child, creator: Child, count: int) -> tuple[int, int]:
    """Create jobs and wait for the completed event of the last; returns the moments before and after."""
    await subscriber.tell(await_completed=count)
    created = await _create(creator, count)
    return created["began"], await subscriber.hear("completed", seconds=patience(count))


def patience(count: int) -> float:
    """How long to wait for so many jobs, in seconds, before something must be wrong."""
    return LEAST_SECONDS + SECONDS_PER_JOB * count


def seconds(began: int, ended: int) -> float:
    """From one moment to another, both in nanoseconds."""
    return (ended - began) / 1e9


async def registered(system: System, job_type: str) -> None:
    """Wait until a worker has registered what it serves."""
    async with system.database() as database, asyncio.timeout(LEAST_SECONDS):
        while not await database.fetchval("SELECT true FROM job_types WHERE name = $1", job_type):
            await asyncio.sleep(0.02)


async def _create(creator: Child, count: int) -> dict[str, int]:
    await creator.tell(type=NOOP, count=count)
    created: dict[str, int] = await creator.hear("created", seconds=patience(count))
    return created


async def _verify(system: System, subscriber: Child, *, after: int) -> tuple[list[str], int]:
    """Compare what arrived with the rows; returns the faults, and when the first start after a moment arrived."""
    await asyncio.sleep(SETTLE_SECONDS)
    path = Path(system.folder / "received")
    await subscriber.tell(dump=str(path))
    dumped = await subscriber.hear("dumped", seconds=LEAST_SECONDS)
    return await asyncio.to_thread(_compare, path, await stored(system, NOOP), dumped, after)


def _compare(path: Path, rows: dict[str, Row], dumped: dict[str, int], after: int) -> tuple[list[str], int]:
    received = read_received(path)
    started = (one.at for one in received if one.at > after and one.event["type"].endswith(".started"))
    gaps = [f"the subscription reported {dumped['gaps']} gaps"] if dumped["gaps"] else []
    return [*gaps, *shortened(lifecycle_faults(received, rows))], next(started, after)


async def stored(system: System, job_type: str) -> dict[str, Row]:
    """Read the rows of a type."""
    async with system.database() as database:
        return {row["id"]: _row(row) for row in await database.fetch(ROWS, job_type)}


def _row(record: "asyncpg.Record") -> Row:
    fields: dict[str, Any] = dict(record)
    fields["result"] = None if fields["result"] is None else orjson.loads(fields["result"])
    return Row(**fields)
