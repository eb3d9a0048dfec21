"""Reads of the graph look at what they answer, and at little else."""

from collections.abc import Sequence
from typing import Any

import orjson

from wayside_governance.store.statements import GRAPH, INTAKE, LIFETIMES, MOVING, READING, REVIEWS
from wayside_service.database import Query

FIRST = "00000000-0000-0000-0000-000000000000"
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


async def rows_read(
    connection: Any, statement: Query, arguments: Sequence[object], *, of: str = "suggestions"
) -> int:
    """Run a statement as the service does and return how many rows of a table it looked at."""
    literals = ", ".join("NULL" if value is None else f"'{value}'" for value in arguments)
    async with connection.transaction():
        await connection.execute(READING.plan_for_these_filters)
        await connection.execute(f"PREPARE measured AS {statement}")
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE measured({literals})")
        await connection.execute("DEALLOCATE measured")
    return looked_at(orjson.loads(plan)[0]["Plan"], of)


def looked_at(node: dict[str, Any], table: str) -> int:
    below = sum(looked_at(child, table) for child in node.get("Plans", ()))
    if node.get("Relation Name") != table:
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
    for source, node in (("all", None), ("node", "hub")):
        filters = (None, None, node, None, None, 0)
        arguments = ("acme", source, *filters, "2000-01-01", "9999-12-31", LAST, True, 51, 51)
        assert await rows_read(connection, GRAPH.list_edges, arguments) <= 200


async def test_a_walk_over_ghost_edges_passes_what_was_decided(connection: Any) -> None:
    await fill(connection)
    arguments = ("acme", "{hub}", None, True, True, True, "{}", 400, 400)
    assert await rows_read(connection, GRAPH.steps_from, arguments) <= 200


EDGES = """
INSERT INTO edges (id, scope, from_node_id, to_node_id, relationship_type, revision, confidence, created_by, created_at)
SELECT gen_random_uuid(), 'acme', CASE WHEN n % 2 = 0 THEN 'hub' ELSE 'n' || n END,
       CASE WHEN n % 2 = 0 THEN 'n' || n ELSE 'hub' END, CASE WHEN n % 5000 < 2 THEN 'rare' ELSE 'r' END, 1, 0.5, 'rita',
       now() - n * interval '1 second'
FROM generate_series(1, 20000) AS n
"""


async def test_of_a_hub_no_more_edges_are_looked_at_than_a_step_may_take(connection: Any) -> None:
    await connection.execute(EDGES)
    await connection.execute("ANALYZE")
    steps = ("acme", "{hub,n2,n3}", None, True, True, False, "{n2}", 100, 300)
    assert await rows_read(connection, GRAPH.steps_from, steps, of="edges") <= 3 * 101
    rare = ("acme", "{hub}", "{rare}", True, True, False, "{}", 100, 300)
    assert await rows_read(connection, GRAPH.steps_from, rare, of="edges") <= 10


async def test_a_list_looks_at_one_step_of_edges_whatever_the_filters(connection: Any) -> None:
    await connection.execute(EDGES)
    await connection.execute("ANALYZE")
    pages = ("2000-01-01", "9999-12-31", LAST, False, 1_000, 51)
    for source, *filters in (
        ("all", None, None, None, "{rare}", "nobody", 0.9),
        ("from", "hub", None, None, "{rare}", None, 0),
        ("to", None, "hub", None, None, "nobody", 0),
        ("node", None, None, "hub", None, None, 0.9),
    ):
        arguments = ("acme", source, *filters, *pages)
        assert await rows_read(connection, GRAPH.list_edges, arguments, of="edges") <= 2_000
    pair = ("acme", "pair", "hub", "n10000", None, None, None, 0, *pages)
    assert await rows_read(connection, GRAPH.list_edges, pair, of="edges") <= 2


async def test_a_claim_is_found_at_once_where_nothing_was_counted_yet(connection: Any) -> None:
    await connection.execute(FILL, "acme", "back to", "pending", 3_000)
    arguments = ("acme", "{back7,back8,back8}", "{hub,hub,n1}", "{r,r,r}")
    assert await rows_read(connection, INTAKE.suggestions_of_claims, arguments) <= 2


async def test_cards_are_found_without_a_look_at_all_that_wait(connection: Any) -> None:
    await connection.execute(FILL, "acme", "hub", "pending", 20_000)
    await connection.execute("UPDATE suggestions SET confidence = random()")
    await connection.execute("ANALYZE")
    anything = ("acme", "rita", 0, 1, None, None, None, None, None, None)
    for statement, more in (
        (REVIEWS.candidates_by_confidence, (110, 1_000)),
        (REVIEWS.candidates_newest, (110, 1_000)),
        (REVIEWS.candidates_uncertain, (110, 1_000, "{r}", "{0.7}", 0.5)),
        (REVIEWS.candidates_by_impact, (110, 1_000, 500, 200)),
        (REVIEWS.candidates_at_random, (10, 1_000, 200)),
    ):
        assert await rows_read(connection, statement, (*anything, *more)) <= 3_000, statement


async def test_no_more_cards_are_asked_than_a_claim_may_where_none_is_free(connection: Any) -> None:
    await connection.execute(FILL, "acme", "hub", "pending", 20_000)
    await connection.execute("UPDATE suggestions SET confidence = random()")
    await connection.execute(
        "INSERT INTO evidence SELECT id, 'd', gen_random_uuid(), 'h', 'm', NULL, 0.5, NULL, NULL, NULL, 'rita', NULL, now() "
        "FROM suggestions"
    )
    await connection.execute("ANALYZE")
    own = ("acme", "rita", 0, 1, None, None, None, None, None, None)
    of_nobody = ("acme", "otto", 0, 1, None, None, None, None, "nobody", None)
    for statement, more in (
        (REVIEWS.candidates_by_confidence, (110, 1_000)),
        (REVIEWS.candidates_newest, (110, 1_000)),
        (REVIEWS.candidates_uncertain, (110, 1_000, "{r,s}", "{0.7,0.5}", 0.5)),
        (REVIEWS.candidates_by_impact, (110, 1_000, 500, 200)),
        (REVIEWS.candidates_at_random, (2, 1_000, 200)),
        (REVIEWS.waiting, (1_000, 1_000)),
    ):
        for filters in (own, of_nobody):
            for table in ("suggestions", "evidence"):
                looked = await rows_read(connection, statement, (*filters, *more), of=table)
                assert looked <= 4_000, (table, statement)


async def test_what_ends_is_found_among_what_stays(connection: Any) -> None:
    await fill(connection)
    await connection.execute(
        "INSERT INTO evidence SELECT id, 'd', gen_random_uuid(), 'h', 'm', 'run', 0.5, NULL, 'said', '{}', 'w', NULL, now() "
        "FROM suggestions"
    )
    await connection.execute(
        "UPDATE suggestions SET expires_at = now() + CASE WHEN to_node_id = 'n1' THEN '-1 h' ELSE '1 h' END::interval "
        "WHERE status = 'pending'"
    )
    await connection.execute(
        "UPDATE suggestions SET updated_at = updated_at - interval '2 h' WHERE status = 'rejected' AND to_node_id ~ '^n7.$'"
    )
    await connection.execute("ANALYZE")
    assert await rows_read(connection, LIFETIMES.due, ("acme", 7_200, 500)) <= 10
    dropped = ("acme", "rejected", 3_600, 100)
    assert await rows_read(connection, LIFETIMES.drop_content, dropped, of="evidence") <= 100
    last = ("run", "00000000-0000-0000-0000-000000000000", 500)
    assert await rows_read(connection, LIFETIMES.last_of_run, last, of="evidence") <= 1_000


async def test_an_export_reads_no_more_decisions_than_it_looks_at(connection: Any) -> None:
    await fill(connection)
    await connection.execute(
        "INSERT INTO decisions (suggestion_id, revision, id, scope, verdict, reviewed_by, reviewed_at, confidence_shown,"
        " evidence_shown) SELECT id, 2, gen_random_uuid(), scope, 'expire', 'rita', created_at, 0.5, 1 FROM suggestions"
    )
    await connection.execute("ANALYZE")
    arguments = ("acme", "2000-01-01", FIRST, 100)
    assert await rows_read(connection, MOVING.decisions_after, arguments, of="decisions") <= 101
    assert await rows_read(connection, MOVING.decisions_after, arguments, of="suggestions") <= 100
