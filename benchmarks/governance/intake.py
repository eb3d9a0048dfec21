"""Proposals over NATS: stored, deduplicated, and every event received."""

import asyncio

from benchmarks.child import Child
from benchmarks.cpu import CpuClock
from benchmarks.governance.plan import Plan
from benchmarks.governance.tally import tally_faults
from benchmarks.outcome import Outcome
from benchmarks.system import SCOPE, System

CREATED = "edges.suggestion.created"
LEAST_SECONDS = 60.0
SECONDS_PER_PROPOSAL = 0.005
SETTLE_SECONDS = 0.5
"""How long after the last event a repeat of one may still arrive, to be seen."""

WARM_UP = 5_000
REPEATED_SHARE = 0.1
ROWS = """
SELECT count(*) AS rows, count(DISTINCT (from_node_id, to_node_id, relationship_type)) AS claims,
       (SELECT count(*) FROM evidence JOIN suggestions AS of ON of.id = suggestion_id WHERE of.scope = $1) AS evidence
FROM suggestions WHERE scope = $1
"""


async def measure(system: System, plan: Plan) -> Outcome:
    """Propose new claims, then a tenth of them again, word for word."""
    async with (
        system.child("subscriber") as subscriber,
        system.child("proposer", plan.batches_in_flight, user="runner") as proposer,
    ):
        await subscriber.hear("started", seconds=LEAST_SECONDS)
        await _propose(subscriber, proposer, 0, WARM_UP)
        clock = CpuClock({**system.pids(), "proposer": proposer.pid, "subscriber": subscriber.pid})
        began, answered, received, outcomes = await _propose(subscriber, proposer, WARM_UP, plan.proposals)
        cpu = clock.shares()
        repeats = int(plan.proposals * REPEATED_SHARE)
        await proposer.tell(first=WARM_UP, count=repeats, run="run-1")
        again = await proposer.hear("proposed", seconds=patience(repeats))
        await asyncio.sleep(SETTLE_SECONDS)
        await subscriber.tell(tally=True)
        tallied = await subscriber.hear("tallied", seconds=LEAST_SECONDS)
    async with system.database() as database:
        rows = await database.fetchrow(ROWS, SCOPE)
    total = WARM_UP + plan.proposals
    faults = list(tally_faults(tallied, {CREATED: total}))
    if outcomes != {"created": plan.proposals}:
        faults.append(f"new claims were answered {outcomes}")
    if again["outcomes"] != {"repeated": repeats}:
        faults.append(f"repeated claims were answered {again['outcomes']}")
    if rows is None or tuple(rows) != (total, total, total):
        faults.append(f"rows, claims and evidence: {rows and tuple(rows)}, not {total} each")
    rate = plan.proposals / ((received - began) / 1e9)
    return Outcome(
        {"intake_per_s": round(rate, 1)},
        {
            "proposals": plan.proposals,
            "answered_per_s": round(plan.proposals / ((answered - began) / 1e9), 1),
            "repeated_per_s": round(repeats / ((again["ended"] - again["began"]) / 1e9), 1),
            **cpu,
        },
        faults,
    )


def patience(count: int) -> float:
    """How long to wait for so many proposals, in seconds, before something must be wrong."""
    return LEAST_SECONDS + SECONDS_PER_PROPOSAL * count


async def _propose(
    subscriber: Child, proposer: Child, first: int, count: int
) -> tuple[int, int, int, dict[str, int]]:
    """Propose and wait for the last event; returns when it began, was answered and received, and the outcomes."""
    await subscriber.tell(**{"await": CREATED, "count": count})
    await proposer.tell(first=first, count=count, run="run-1")
    said = await proposer.hear("proposed", seconds=patience(count))
    received = await subscriber.hear("reached", seconds=patience(count))
    return said["began"], said["ended"], received, said["outcomes"]
