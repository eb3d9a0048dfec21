"""Walks of two steps in a large graph with hubs."""

import random
from functools import partial
from pathlib import Path

from benchmarks.governance.plan import Plan
from benchmarks.governance.requests import caller
from benchmarks.outcome import Outcome, percentile
from benchmarks.system import SCOPE, System
from benchmarks.timing import timings

CLIENTS = 1
FILL_SECONDS = 600
STATEMENT = Path(__file__).with_name("graph.sql")
NODES = "SELECT from_node_id AS node FROM edges TABLESAMPLE BERNOULLI ($1) WHERE scope = $2"
HUB_SHARE = 0.1


async def measure(system: System, plan: Plan) -> Outcome:
    """Fill the graph, then walk from nodes as often as they have edges, and a tenth of the time from hubs."""
    async with system.database() as database:
        await database.execute(STATEMENT.read_text(), plan.edges, plan.edges_of_a_hub, timeout=FILL_SECONDS)
        await database.execute("VACUUM ANALYZE edges", timeout=FILL_SECONDS)
        rows = await database.fetch(NODES, min(100.0, 2e7 / plan.edges), SCOPE)
        stored = await database.fetchval("SELECT count(*) FROM edges WHERE scope = $1", SCOPE)
    known = [row["node"] for row in rows]
    hubs = [node for node in known if node.startswith("hub-")] or known
    others = [node for node in known if not node.startswith("hub-")]
    empty = 0
    async with caller(system) as calls:

        async def walk(node: str) -> None:
            nonlocal empty
            query = {"scope": SCOPE, "depth": "2"}
            found = await calls.get(f"/v1/graph/neighborhood/{node}", query)
            empty += not found["edges"]

        starts = [random.choice(hubs if random.random() < HUB_SHARE else others) for _ in range(plan.walks)]
        taken = await timings([partial(walk, node) for node in starts], clients=CLIENTS)
    faults = [f"{empty} walks from a node with edges found none"] if empty else []
    return Outcome(
        {"neighborhood_p95_ms": percentile(taken, 95)},
        {"edges": stored, "neighborhood_p50_ms": percentile(taken, 50), "walks": len(taken)},
        faults,
    )
