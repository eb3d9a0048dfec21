"""What a service instance keeps after many jobs have passed through."""

import asyncio
import time

from benchmarks.jobs.plan import Plan
from benchmarks.jobs.throughput import LEAST_SECONDS, pass_through, registered
from benchmarks.jobs.verify import TYPES
from benchmarks.jobs.worker import NOOP
from benchmarks.outcome import Outcome
from benchmarks.system import System

MEGABYTE = 1024 * 1024
QUIET_SECONDS = 2.0
ROUND = 20_000
"""Jobs that pass between two looks at the clock."""


async def measure(system: System, plan: Plan) -> Outcome:
    """Compare the resident memory before and after, each time when all is quiet; the first jobs only warm up.

    It ends after so many jobs or so many seconds, whichever comes first.
    """
    async with (
        system.child("subscriber", "count") as subscriber,
        system.child("creator", plan.batches_in_flight) as creator,
        system.child("worker", plan.slots, user="runner"),
    ):
        await subscriber.hear("started", seconds=LEAST_SECONDS)
        await registered(system, NOOP)
        await pass_through(subscriber, creator, plan.memory_warm_up)
        await asyncio.sleep(QUIET_SECONDS)
        before = system.service_memory()
        began = time.monotonic()
        passed = 0
        while passed < plan.memory_jobs and time.monotonic() < began + plan.memory_seconds:
            count = min(ROUND, plan.memory_jobs - passed)
            await pass_through(subscriber, creator, count)
            passed += count
        elapsed = time.monotonic() - began
        await asyncio.sleep(QUIET_SECONDS)
        after = system.service_memory()
        await subscriber.tell(count=True)
        counted = await subscriber.hear("counted", seconds=LEAST_SECONDS)
    expected = dict.fromkeys(TYPES, plan.memory_warm_up + passed)
    faults = [] if counted["counts"] == expected else [f"received {counted['counts']}, not {expected}"]
    return Outcome(
        {"rss_growth_mb": round((after - before) / MEGABYTE, 1)},
        {
            "rss_before_mb": round(before / MEGABYTE, 1),
            "rss_after_mb": round(after / MEGABYTE, 1),
            "jobs_passed": passed,
            "sustained_jobs_per_s": round(passed / elapsed, 1),
        },
        faults,
    )
