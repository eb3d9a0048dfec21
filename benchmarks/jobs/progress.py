"""A hundred running jobs that call `ctx.progress` without a pause, into the rows and onto the stream."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from benchmarks.jobs.outcome import Outcome, Plan, percentile
from benchmarks.jobs.system import System
from benchmarks.jobs.throughput import LEAST_SECONDS, SETTLE_SECONDS, patience, registered
from benchmarks.jobs.verify import Received, read_received, shortened
from benchmarks.jobs.worker import PROGRESS

JOBS = 100
CALLS_PER_EVENT = 16
"""How many of the calls that one event covers are looked at."""

Call = tuple[int, int]
"""When a call was made, and which of its job it was."""

LAST = """
SELECT id::text AS id, progress ->> 'message' AS progress, result #>> '{}' AS result, status FROM jobs WHERE type = $1
"""


async def measure(system: System, plan: Plan) -> Outcome:
    """Measure calls as fast as the worker's loop goes round."""
    events, last_calls, faults = await _run(system, {"seconds": plan.progress_seconds, "pause_seconds": 0.0})
    covering = {job_id: list(_calls(received)) for job_id, received in events.items()}
    lags = np.concatenate([_lags(pairs) for pairs in covering.values()])
    newest = [(at - call[0]) / 1e6 for pairs in covering.values() for at, call in pairs]
    calls = sum(count for _, count in last_calls.values())
    return Outcome(
        {
            "progress_calls_per_s": round(calls / plan.progress_seconds, 1),
            "progress_lag_p99_ms": percentile(lags, 99),
        },
        {
            "progress_lag_p50_ms": percentile(lags, 50),
            "newest_call_lag_p99_ms": percentile(newest, 99),
            "calls": calls,
            "progress_events": len(newest),
            "progress_events_per_s": round(len(newest) / plan.progress_seconds, 1),
        },
        [*faults, *shortened(list(progress_faults(covering, last_calls)))],
    )


def progress_faults(
    covering: Mapping[str, Sequence[tuple[int, Call]]], last_calls: Mapping[str, Call]
) -> Iterator[str]:
    """Say where events go back, and which job's last call never arrived."""
    for job_id, last in last_calls.items():
        calls = [call for _, call in covering.get(job_id, ())]
        if any(later <= earlier for earlier, later in pairwise(calls)):
            yield f"{job_id}: progress went back or was repeated"
        if not calls or calls[-1] != last:
            yield f"{job_id}: the last call {last} is not the last event"


async def _run(
    system: System, job_input: dict[str, float]
) -> tuple[dict[str, list[Received]], dict[str, Call], list[str]]:
    """Run the jobs; returns the progress events and the last call of each, and faults."""
    async with (
        system.child("subscriber") as subscriber,
        system.child("creator", JOBS) as creator,
        system.child("worker", JOBS, user="runner"),
    ):
        await subscriber.hear("started", seconds=LEAST_SECONDS)
        await registered(system, PROGRESS)
        await subscriber.tell(await_completed=JOBS)
        await creator.tell(type=PROGRESS, count=JOBS, input=job_input)
        await subscriber.hear("completed", seconds=job_input["seconds"] + patience(JOBS))
        await asyncio.sleep(SETTLE_SECONDS)
        path = system.folder / "progress"
        await subscriber.tell(dump=str(path))
        gaps = (await subscriber.hear("dumped", seconds=LEAST_SECONDS))["gaps"]
    events = defaultdict(list)
    for one in await asyncio.to_thread(read_received, path):
        if one.event["type"] == "analysis.job.progress":
            events[one.job_id].append(one)
    last_calls, faults = await _last_calls(system)
    return events, last_calls, [*faults, *([f"the subscription reported {gaps} gaps"] if gaps else [])]


async def _last_calls(system: System) -> tuple[dict[str, Call], list[str]]:
    """Read the last call of each job, which is its result; it must be the row's progress too."""
    async with system.database() as database:
        rows = await database.fetch(LAST, PROGRESS)
    faults = [
        f"{row['id']}: {row['status']}, the row says {row['progress']!r}, the last call was {row['result']!r}"
        for row in rows
        if (row["status"], row["progress"]) != ("completed", row["result"])
    ]
    if len(rows) != JOBS:
        faults.append(f"{len(rows)} jobs ran instead of {JOBS}")
    return {row["id"]: _call(row["result"]) for row in rows if row["result"]}, shortened(faults)


def _calls(received: Sequence[Received]) -> Iterator[tuple[int, Call]]:
    """When each event arrived, and the newest call it covers."""
    for one in received:
        if message := one.event["data"]["progress"].get("message"):
            yield one.at, _call(message)


def _call(message: str) -> Call:
    at, number = message.split()
    return int(at), int(number)


def _lags(covering: Sequence[tuple[int, Call]]) -> npt.NDArray[np.float64]:
    """Milliseconds from calls of one job to the first event that covers them, also those that a later call superseded.

    Between two events the calls are taken to be evenly spread; the first event of a job counts by its newest call.
    """
    samples = [(covering[0][0] - covering[0][1][0]) / 1e6] if covering else []
    for (_, earlier), (at, newest) in pairwise(covering):
        calls = min(newest[1] - earlier[1], CALLS_PER_EVENT)
        made = np.linspace(newest[0], earlier[0], calls, endpoint=False)
        samples += list((at - made) / 1e6)
    return np.array(samples)
