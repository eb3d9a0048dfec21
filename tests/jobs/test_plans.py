"""Each statement that must be fast on a million jobs has its index, and reports touch none."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from tests.jobs.conftest import Connection

from wayside_jobs.store.unit import SQL

REPORTED = {"revision", "updated_at", "seq", "log_seq", "lease_expires_at", "progress", "partial"}


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("list_by_status", "jobs_by_status"),
        ("list_by_type", "jobs_by_type"),
        ("list_by_creator", "jobs_by_creator"),
        ("list_by_session", "jobs_by_session"),
        ("list_by_related", "jobs_by_related"),
        ("list_by_parent", "jobs_by_parent"),
        ("list_by_root", "jobs_by_root"),
        ("list_by_unique_key", "jobs_by_unique_key"),
        ("list_by_end", "jobs_by_end"),
        ("claim_jobs", "jobs_pkey"),
        ("lock_jobs", "jobs_pkey"),
        ("lock_reported", "jobs_pkey"),
        ("complete_jobs", "jobs_pkey"),
        ("find_jobs", "jobs_pkey"),
        ("find_recent", "jobs_by_unique_key"),
        ("read_jobs", "jobs_pkey"),
        ("read_logs", "job_logs_pkey"),
        ("take_due", "jobs_due"),
        ("take_expired", "jobs_expiring"),
        ("ready_scheduled", "jobs_scheduled"),
        ("next_scheduled", "jobs_scheduled"),
        ("find_unique", "jobs_unique_key"),
        ("save_jobs", "jobs_pkey"),
        ("extend_leases", "jobs_pkey"),
        ("delete_jobs", "jobs_pkey"),
        ("cut_logs", "job_logs_pkey"),
        ("lock_parents", "jobs_pkey"),
        ("add_children", "jobs_pkey"),
        ("lock_told_next", "jobs_cascading"),
        ("lock_told_next", "jobs_by_parent"),
        ("read_causes", "jobs_pkey"),
        ("end_cascades", "jobs_cascading"),
        ("end_cascades", "jobs_by_parent"),
        ("read_latest_retries", "jobs_by_retry"),
        ("insert_retries", "jobs_pkey"),
        ("read_answer", "idempotency_keys_pkey"),
        ("keep_answer", "idempotency_keys_pkey"),
        ("take_bulk_items", "bulk_items_pkey"),
        ("read_bulk", "bulk_runs_pkey"),
        ("read_key", "idempotency_keys_pkey"),
        ("store_answers", "idempotency_keys_pkey"),
        ("forget_keys", "idempotency_keys_by_age"),
        ("forget_runners", "runners_by_age"),
        ("forget_stats", "job_stats_pkey"),
        ("delete_logs", "job_logs_pkey"),
        ("shorten_log", "job_logs_pkey"),
        ("list_runners", "runners_pkey"),
        ("read_stats", "job_stats_pkey"),
        ("count_jobs", "jobs_ready"),
        ("count_jobs", "jobs_scheduled"),
        ("count_jobs", "jobs_running"),
    ],
)
async def test_a_statement_is_planned_on_its_index_whatever_the_values(
    connection: Connection, statement: str, index: str
) -> None:
    await connection.execute(
        "SET enable_seqscan = off; SET enable_bitmapscan = off; SET plan_cache_mode = force_generic_plan"
    )
    parameters = (await connection.prepare(SQL[statement])).get_parameters()
    await connection.execute(f"PREPARE planned AS {SQL[statement]}")
    values = f"({', '.join(['NULL'] * len(parameters))})" if parameters else ""
    plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE planned{values}"))
    assert f"using {index} on" in plan
    assert "Seq Scan" not in plan


READY = """
INSERT INTO jobs (
    id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts, is_ready, created_by,
    created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, backoff_initial_seconds, backoff_factor,
    backoff_max_seconds, backoff_jitter, depth, seq, progress, input_bytes, input, finished_at
)
SELECT gen_random_uuid(), 'scope-' || n % 20, 'demo.add', 'queued', 'default', n % 10,
    CASE WHEN n % 4 = 0 THEN 'completed' ELSE 'queued' END, 1, 0, 1, n % 4 > 0, 'ada',
    now(), now(), now(), 30, 30, 1, 2, 10, 0, 0, 0, '{}', 2, '{}', CASE WHEN n % 4 = 0 THEN now() END
FROM generate_series(1, 8000) AS n
"""


async def test_a_claim_reads_no_more_of_the_queue_than_it_takes(connection: Connection) -> None:
    await connection.execute(READY)
    await connection.execute("ANALYZE jobs")
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    parameters = (["default"], ["demo.add"], "scope-3", 20, 1, ["queue default scope-4"], 20)
    [[text]] = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {SQL.lock_ready}", *parameters)
    nodes = list(nodes_of(orjson.loads(text)[0]["Plan"]))
    assert {node["Index Name"] for node in nodes if node.get("Relation Name") == "jobs"} == {"jobs_ready"}
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes) <= 150


async def test_whether_something_comes_first_is_found_by_an_index(connection: Connection) -> None:
    await connection.execute(READY)
    await connection.execute(
        "ANALYZE jobs; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan"
    )
    scans = "SELECT seq_scan, idx_tup_fetch < 10 FROM pg_stat_xact_user_tables WHERE relname = 'jobs'"
    async with connection.transaction():
        asked = "SELECT nothing_comes_first($1, $2, $3, 1)"
        assert not await connection.fetchval(asked, ["default"], ["demo.add"], ["default"])
        assert await connection.fetchval(asked, ["default"], ["demo.other"], ["default"])
        assert tuple(await connection.fetchrow(scans) or ()) == (0, True)


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes_of(part)


async def test_no_index_has_a_column_that_every_report_changes(connection: Connection) -> None:
    rows = await connection.fetch("SELECT indexdef FROM pg_indexes WHERE tablename = 'jobs'")
    words = {word for row in rows for word in row["indexdef"].replace("(", " ").replace(",", " ").split()}
    assert len(rows) > 10
    assert words.isdisjoint(REPORTED)
