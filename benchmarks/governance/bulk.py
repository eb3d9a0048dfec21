"""Approving a great many by filter: edges and events included."""

import asyncio
import time

from benchmarks.cpu import CpuClock
from benchmarks.governance.intake import LEAST_SECONDS, SETTLE_SECONDS, patience
from benchmarks.governance.plan import Plan
from benchmarks.governance.requests import Caller, caller
from benchmarks.governance.tally import tally_faults
from benchmarks.outcome import Outcome
from benchmarks.system import SCOPE, System

RUN = "bulk-run"
FIRST = 50_000_000
"""Numbers of proposals that no other part uses."""

EDGES = """
SELECT count(*) FROM suggestions AS one JOIN edges ON edges.id = one.edge_id
WHERE one.scope = $1 AND one.analysis_run_id = $2 AND one.status = 'approved'
"""


async def measure(system: System, plan: Plan) -> Outcome:
    """Propose, ask what a filter would approve, approve it, and wait for the last event."""
    async with (
        system.child("subscriber") as subscriber,
        system.child("proposer", plan.batches_in_flight, user="runner") as proposer,
        caller(system) as calls,
    ):
        await subscriber.hear("started", seconds=LEAST_SECONDS)
        await subscriber.tell(**{"await": "edges.suggestion.created", "count": plan.bulk})
        await proposer.tell(first=FIRST, count=plan.bulk, run=RUN)
        await proposer.hear("proposed", seconds=patience(plan.bulk))
        await subscriber.hear("reached", seconds=patience(plan.bulk))
        await subscriber.tell(tally=True)
        await subscriber.hear("tallied", seconds=LEAST_SECONDS)
        await subscriber.tell(**{"await": "edges.edge.created", "count": plan.bulk})
        clock = CpuClock({**system.pids(), "subscriber": subscriber.pid})
        began = time.monotonic_ns()
        matched = await _approve(calls)
        received = await subscriber.hear("reached", seconds=patience(plan.bulk))
        cpu = clock.shares()
        await asyncio.sleep(SETTLE_SECONDS)
        await subscriber.tell(tally=True)
        tallied = await subscriber.hear("tallied", seconds=LEAST_SECONDS)
    async with system.database() as database:
        edges = await database.fetchval(EDGES, SCOPE, RUN)
    faults = list(
        tally_faults(tallied, {"edges.suggestion.approved": plan.bulk, "edges.edge.created": plan.bulk})
    )
    if (matched, edges) != (plan.bulk, plan.bulk):
        faults.append(f"{matched} matched and {edges} have their edge, not {plan.bulk}")
    taken = (received - began) / 1e9
    return Outcome(
        {"bulk_100k_s": round(taken * 100_000 / plan.bulk, 2)},
        {"bulk": plan.bulk, "bulk_s": round(taken, 2), **cpu},
        faults,
    )


async def _approve(calls: Caller) -> int:
    """Approve what the filter finds; returns how many that were."""
    wanted = {"scope": SCOPE, "action": "approve", "filter": {"analysis_run_id": RUN}}
    preview = await calls.post("/v1/suggestions/bulk", {**wanted, "dry_run": True})
    await calls.post("/v1/suggestions/bulk", {**wanted, "snapshot": preview["snapshot"]})
    return int(preview["matched"])
