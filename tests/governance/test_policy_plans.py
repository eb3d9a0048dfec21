"""What policies and the calibration report read is bounded, and found by an index."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from wayside_governance.store.statements import CALIBRATION, POLICIES
from wayside_service.database import Query

SINCE, UNTIL = "2020-01-01", "2100-01-01"
FILL = """
WITH claims AS (
    INSERT INTO suggestions (
        id, scope, from_node_id, to_node_id, relationship_type, status, revision, confidence, evidence_count, maxima,
        strongest, source_model, proposed_by, created_at, updated_at, is_unevaluated
    )
    SELECT gen_random_uuid(), $1, 'a' || n, 'b' || n, 'type' || n % 4, $3, 2, n::float8 / $2, 1,
           jsonb_build_object('model' || n % 2, n::float8 / $2), '', 'model' || n % 2, 'w', now() - n * interval '1 s',
           now(), false
    FROM generate_series(1, $2) AS n
    RETURNING *
)
INSERT INTO decisions (
    suggestion_id, revision, id, scope, verdict, reviewed_by, reviewed_at, reason_code, confidence_shown,
    evidence_shown, sources_shown
)
SELECT id, 2, gen_random_uuid(), scope, 'reject', 'rita', created_at, 'other', confidence, 1, maxima
FROM claims
WHERE status = 'rejected'
"""


async def fill(connection: Any) -> None:
    """Judgements of two scopes, and what waits in one of them."""
    for scope, count, status in (("acme", 4_000, "rejected"), ("globex", 4_000, "rejected")):
        await connection.execute(FILL, scope, count, status)
    await connection.execute(FILL.replace("'a'", "'p'"), "acme", 4_000, "pending")
    await connection.execute(
        "UPDATE suggestions SET is_unevaluated = true WHERE status = 'pending' AND from_node_id LIKE 'p1%'"
    )
    await connection.execute("ANALYZE")


async def rows_read(connection: Any, statement: Query, arguments: Sequence[object], mode: str) -> int:
    """Run a statement with one kind of plan and return how many rows of tables it looked at."""
    literals = ", ".join(
        f"'{{{','.join(map(str, value))}}}'"
        if isinstance(value, list)
        else "NULL"
        if value is None
        else f"'{value}'"
        for value in arguments
    )
    async with connection.transaction():
        await connection.execute(f"SET LOCAL plan_cache_mode = {mode}")
        await connection.execute(f"PREPARE measured AS {statement}")
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE measured({literals})")
        await connection.execute("DEALLOCATE measured")
    return looked_at(orjson.loads(plan)[0]["Plan"])


def looked_at(node: dict[str, Any]) -> int:
    below = sum(map(looked_at, node.get("Plans", ())))
    if "Relation Name" not in node:
        return below
    per_loop = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return below + round(float(per_loop * node["Actual Loops"]))


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
async def test_statements_read_what_they_are_about_and_no_other_scope(connection: Any, mode: str) -> None:
    await fill(connection)
    ids = [row["id"] for row in await connection.fetch("SELECT id FROM suggestions LIMIT 100")]
    span = ("acme", SINCE, UNTIL)
    planned_for_their_filters: list[tuple[Query, Sequence[object], int]] = [
        (CALIBRATION.calibration, (*span, None, None, 10, 200, 1_000), 1_000),
        (CALIBRATION.calibration, (*span, "type1", "model1", 10, 200, 100), 400),
        (CALIBRATION.calibration, (*span, None, "", 20, 200, 100), 100),
        (CALIBRATION.acceptance, (*span, None, "", "day", 1_000), 1_000),
        (CALIBRATION.acceptance, (*span, "type1", "model1", "day", 100), 400),
        (POLICIES.history, ("acme", 100), 400),
    ]
    bounds: list[tuple[Query, Sequence[object], int]] = [
        *(planned_for_their_filters if mode == "force_custom_plan" else ()),
        (CALIBRATION.second_looks, (*span, 100), 0),
        (POLICIES.measured, ("acme", ["type1"], ["model1"], 0, 1, 100), 100),
        (POLICIES.newly_judged, ("acme", 100), 100),
        (POLICIES.waiting, ("acme", 100), 100),
        (POLICIES.take_unevaluated, ("acme", 100), 100),
        (POLICIES.walk_on, ("acme", SINCE, ids[0], 100, [], 0.5), 100),
        (POLICIES.lock_waiting, (ids,), 200),
        (POLICIES.judged, (ids,), 200),
    ]
    read = [(n, await rows_read(connection, s, g, mode), most) for n, (s, g, most) in enumerate(bounds)]
    assert [one for one in read if one[1] > one[2]] == []


async def test_checks_of_a_policy_are_found_among_those_of_others(connection: Any) -> None:
    await connection.execute(
        "INSERT INTO policy_checks SELECT gen_random_uuid(), ('00000000-0000-0000-0000-00000000000' || n % 5)::uuid,"
        " 'p:' || n % 2, true, true, now() - n * interval '1 s' FROM generate_series(1, 4000) AS n"
    )
    await connection.execute("ANALYZE")
    policy_id = "00000000-0000-0000-0000-000000000001"
    for mode in ("force_custom_plan", "force_generic_plan"):
        assert await rows_read(connection, POLICIES.checks, (policy_id, "p:1", SINCE, 100), mode) <= 100
