"""Lists and single decisions over HTTP, beside a long history."""

import itertools
import random
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import asyncpg

from benchmarks.governance.plan import Plan
from benchmarks.governance.requests import Caller, caller
from benchmarks.outcome import Outcome, percentile
from benchmarks.system import SCOPE, System
from benchmarks.timing import Call, timings

CLIENTS = 4
PAGE = "50"
FILL_SECONDS = 600
STATEMENT = Path(__file__).with_name("stored.sql")
TABLES = "suggestions, evidence, decisions, edges"
KNOWN = """
SELECT from_node_id, to_node_id, source_model, analysis_run_id, relationship_type FROM suggestions TABLESAMPLE BERNOULLI ($1)
WHERE scope = $2
"""
WAITING = (
    "SELECT id::text FROM suggestions WHERE scope = $1 AND status = 'pending' ORDER BY random() LIMIT $2"
)
DECIDED = """
SELECT count(*) FROM suggestions AS one JOIN edges ON edges.suggestion_id = one.id
WHERE one.id = ANY($1::uuid[]) AND one.status = 'approved' AND one.edge_id = edges.id
"""


async def measure(system: System, plan: Plan) -> Outcome:
    """Fill the tables, then time lists, and approvals one after the other."""
    async with system.database() as database:
        await database.execute(STATEMENT.read_text(), plan.stored_suggestions, timeout=FILL_SECONDS)
        await database.execute(f"VACUUM ANALYZE {TABLES}", timeout=FILL_SECONDS)
        known = await database.fetch(KNOWN, min(100.0, 2e7 / plan.stored_suggestions), SCOPE)
        waiting = [row["id"] for row in await database.fetch(WAITING, SCOPE, plan.approvals)]
    async with caller(system) as calls:
        lists = list(itertools.islice(_lists(calls, known), plan.requests))
        listed = await timings(lists, clients=CLIENTS)
        approvals = [
            partial(calls.post, f"/v1/suggestions/{one}/approve", {"revision": 1}) for one in waiting
        ]
        approved = await timings(approvals, clients=1)
    async with system.database() as database:
        edges = await database.fetchval(DECIDED, waiting)
    return Outcome(
        {"list_p99_ms": percentile(listed, 99), "approve_p95_ms": percentile(approved, 95)},
        {
            "stored_suggestions": plan.stored_suggestions,
            "list_p50_ms": percentile(listed, 50),
            "approve_p50_ms": percentile(approved, 50),
            "approvals": len(approved),
        },
        [] if edges == len(waiting) else [f"{edges} of {len(waiting)} approvals have their edge"],
    )


def _lists(calls: Caller, known: Sequence[asyncpg.Record]) -> Iterator[Call]:
    """What people list: what waits, the surest, one type, one model, one run, what touches a node."""
    for row in itertools.cycle(random.sample(known, len(known))):
        low = round(random.random() * 0.8, 2)
        for filters in (
            {"status": "pending"},
            {"status": "pending", "order": "confidence"},
            {"status": "pending", "order": "oldest"},
            {"status": "rejected"},
            {"status": "pending", "relationship_type": row["relationship_type"]},
            {"status": "pending", "relationship_type": row["relationship_type"], "order": "confidence"},
            {"status": "pending", "source_model": row["source_model"]},
            {"analysis_run_id": row["analysis_run_id"]},
            {"node_id": row["from_node_id"]},
            {"status": "pending", "min_confidence": str(low), "max_confidence": str(low + 0.1)},
        ):
            yield partial(calls.get, "/v1/suggestions", {"scope": SCOPE, "limit": PAGE, **filters})
