"""A hundred running jobs that call `ctx.progress` without a pause, into the rows and onto the stream."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from benchmarks.cpu import CpuClock
from benchmarks.jobs.plan import Plan
from benchmarks.jobs.throughput import LEAST_SECONDS, SETTLE_SECONDS, patience, registered
from benchmarks.jobs.verify import Received, read_received, shortened
from benchmarks.jobs.worker import PROGRESS
from benchmarks.outcome import Outcome, Value, percentile
from benchmarks.system import System

JOBS = 100
PACED_CALLS_PER_S = 20_000
CALLS_PER_EVENT = 16
"""How many of the calls that one event covers are looked at."""

Call = tuple[int, int]
"""When a call was made, and which of its job it was."""

LAST = """
SELECT id::text AS id, progress ->> 'message' AS progress, result #>> '{}' AS result, status FROM jobs
WHERE id = ANY($1::uuid[])
"""


async def measure(system: System, plan: Plan) -> Outcome:
    """Measure calls as fast as the worker's loop goes round, then calls at the rate that is promised."""
    full = await _calls_of(system, plan.progress_seconds, pause_seconds=0.0)
    paced = await _calls_of(system, plan.progress_seconds, pause_seconds=JOBS / PACED_CALLS_PER_S)
    return Outcome(
        {"progress_calls_per_s": full.calls_per_s, "progress_lag_p99_ms": percentile(full.lags, 99)},
        {
            "progress_lag_p50_ms": percentile(full.lags, 50),
            "newest_call_lag_p99_ms": percentile(full.newest_lags, 99),
            "progress_events_per_s": full.events_per_s,
            **full.cpu,
            "paced_calls_per_s": paced.calls_per_s,
            "paced_lag_p50_ms": percentile(paced.lags, 50),
            "paced_lag_p99_ms": percentile(paced.lags, 99),
            "paced_newest_call_lag_p99_ms": percentile(paced.newest_lags, 99),
            "paced_events_per_s": paced.events_per_s,
        },
        [*full.faults, *paced.faults],
    )


@dataclass(frozen=True, slots=True)
class Calls:
    """What became of the calls of one run; lags are in milliseconds."""

    calls_per_s: float
    events_per_s: float
    lags: npt.NDArray[np.float64]
    newest_lags: Sequence[float]
    cpu: dict[str, Value]
    faults: Sequence[str]


async def _calls_of(system: System, run_seconds: float, *, pause_seconds: float) -> Calls:
    job_input = {"seconds": run_seconds, "pause_seconds": pause_seconds}
    run = await _run(system, job_input)
    covering = {job_id: list(_calls(received)) for job_id, received in run.events.items()}
    newest = [(at - call[0]) / 1e6 for pairs in covering.values() for at, call in pairs]
    count = sum(number for _, number in run.last_calls.values())
    return Calls(
        calls_per_s=round(count / run_seconds, 1),
        events_per_s=round(len(newest) / run_seconds, 1),
        lags=np.concatenate([_lags(pairs) for pairs in covering.values()]),
        newest_lags=newest,
        cpu=run.cpu,
        faults=[*run.faults, *shortened(list(progress_faults(covering, run.last_calls)))],
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


@dataclass(frozen=True, slots=True)
class Run:
    """The progress events and the last call of each job, and what was wrong with them."""

    events: Mapping[str, Sequence[Received]]
    last_calls: Mapping[str, Call]
    cpu: dict[str, Value]
    faults: Sequence[str]


async def _run(system: System, job_input: dict[str, float]) -> Run:
    """Run the jobs and collect what is known of them."""
    async with (
        system.child("subscriber") as subscriber,
        system.child("creator", JOBS) as creator,
        system.child("worker", JOBS, user="runner") as worker,
    ):
        await subscriber.hear("started", seconds=LEAST_SECONDS)
        await registered(system, PROGRESS)
        await subscriber.tell(await_completed=JOBS)
        clock = CpuClock({**system.pids(), "worker": worker.pid, "subscriber": subscriber.pid})
        await creator.tell(type=PROGRESS, count=JOBS, input=job_input)
        await subscriber.hear("completed", seconds=job_input["seconds"] + patience(JOBS))
        cpu = clock.shares()
        await asyncio.sleep(SETTLE_SECONDS)
        path = system.folder / "progress"
        await subscriber.tell(dump=str(path))
        gaps = (await subscriber.hear("dumped", seconds=LEAST_SECONDS))["gaps"]
    events = defaultdict(list)
    jobs = set()
    for one in await asyncio.to_thread(read_received, path):
        jobs.add(one.job_id)
        if one.event["type"] == "analysis.job.progress":
            events[one.job_id].append(one)
    last_calls, faults = await _last_calls(system, jobs)
    faults += [f"the subscription reported {gaps} gaps"] if gaps else []
    return Run(events, last_calls, cpu, faults)


async def _last_calls(system: System, jobs: Collection[str]) -> tuple[dict[str, Call], list[str]]:
    """Read the last call of each job, which is its result; it must be the row's progress too."""
    async with system.database() as database:
        rows = await database.fetch(LAST, jobs)
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
