"""Reads of the graph look at what they answer, and at little else."""

from collections.abc import Sequence
from typing import Any

import orjson

from wayside_governance.store.statements import GRAPH, READING
from wayside_service.database import Query

LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"
FILL = """
INSERT INTO suggestions (
    id, scope, from_node_id, to_node_id, relationship_type, status, revision, confidence, evidence_count, maxima,
    strongest, source_model, proposed_by, created_at, updated_at
)
SELECT gen_random_uuid(), $1, split_part($2, ' ', 1) || CASE WHEN $2 LIKE '% to' THEN n::text ELSE '' END,
       CASE WHEN $2 LIKE '% to' THEN 'hub' ELSE 'n' || n END, 'r', $3, 1, 0.5, 1, '{"m": 0.5}', '', 'm', 'w', now(), now()
FROM generate_series(1, $4) AS n
"""


async def rows_read(connection: Any, statement: Query, arguments: Sequence[object]) -> int:
    """Run a statement as the service does and return how many rows of suggestions it looked at."""
    literals = ", ".join("NULL" if value is None else f"'{value}'" for value in arguments)
    async with connection.transaction():
        await connection.execute(READING.plan_for_these_filters)
        await connection.execute(f"PREPARE measured AS {statement}")
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE measured({literals})")
        await connection.execute("DEALLOCATE measured")
    return looked_at(orjson.loads(plan)[0]["Plan"])


def looked_at(node: dict[str, Any]) -> int:
    below = sum(map(looked_at, node.get("Plans", ())))
    if node.get("Relation Name") != "suggestions":
        return below
    per_loop = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return below + round(float(per_loop * node["Actual Loops"]))


async def fill(connection: Any) -> None:
    """Few pending suggestions of a node that has had many, and many of another scope."""
    for scope, ends, status, count in (
        ("acme", "hub", "rejected", 5_000),
        ("acme", "back to", "rejected", 5_000),
        ("globex", "hub", "pending", 20_000),
    ):
        await connection.execute(FILL, scope, ends, status, count)
    await connection.execute(
        "UPDATE suggestions SET status = 'pending' WHERE scope = 'acme' AND to_node_id ~ '^n10{0,2}$'"
    )
    await connection.execute("ANALYZE")


async def test_ghost_edges_are_found_without_a_look_at_what_was_decided_or_is_of_others(
    connection: Any,
) -> None:
    await fill(connection)
    for node in (None, "hub"):
        arguments = ("acme", None, None, node, None, 51, "9999-12-31", True, LAST)
        assert await rows_read(connection, GRAPH.list_edges, arguments) <= 200


async def test_a_walk_over_ghost_edges_passes_what_was_decided(connection: Any) -> None:
    await fill(connection)
    assert await rows_read(connection, GRAPH.neighborhood, ("acme", "hub", 2, 200, 800, True)) <= 200
