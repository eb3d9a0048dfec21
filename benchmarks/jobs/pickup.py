"""From create to the start of the handler, on an idle system."""

from benchmarks.jobs.plan import Plan
from benchmarks.jobs.throughput import LEAST_SECONDS, patience, registered
from benchmarks.jobs.worker import PICKUP
from benchmarks.outcome import Outcome, percentile
from benchmarks.system import System

WARM_UP = 20
SLOTS = 4
"""What a worker has unless told otherwise."""


async def measure(system: System, plan: Plan) -> Outcome:
    """Create one job at a time and ask each handler when it started."""
    async with system.child("worker", SLOTS, user="runner"), system.child("prober") as prober:
        await prober.hear("started", seconds=LEAST_SECONDS)
        await registered(system, PICKUP)
        taken = []
        for count in (WARM_UP, plan.pickups):
            await prober.tell(samples=count)
            taken = await prober.hear("samples", seconds=patience(count))
    milliseconds = [sample / 1e6 for sample in taken]
    figures = {f"pickup_p{share}_ms": percentile(milliseconds, share) for share in (50, 95)}
    return Outcome(
        {**figures},
        {"pickup_p99_ms": percentile(milliseconds, 99), "samples": len(taken)},
        [] if len(taken) == plan.pickups else [f"{len(taken)} samples instead of {plan.pickups}"],
    )
