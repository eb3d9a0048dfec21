"""A table of jobs as it looks after a while, for plans with real statistics: skewed, mostly finished, some trees."""

from tests.jobs.conftest import Connection

from wayside_events.identifiers import EntityId

BUSY = "batch"
"""The account that has created most jobs; the others are `user-0`, `user-1` and so on."""

FIRST_ID = EntityId("00000000-0000-7000-8000-000000000001")
"""The job that runs and has many children."""

_FILL = """
INSERT INTO jobs (
    id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts, is_ready, created_by,
    created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, backoff_initial_seconds, backoff_factor,
    backoff_max_seconds, backoff_jitter, session_id, related_type, related_id, parent_id, root_id, depth, child_count,
    retry_of, unique_key, seq, runner, started_at, finished_at, lease_expires_at, due_at, progress, input_bytes, input
)
SELECT
    id_of(n), CASE WHEN n % 10 < 9 THEN 'acme' ELSE 'other-' || n % 70 END,
    'demo.type-' || least(floor(-3 * ln(1 - pick)), 19), 'queued', 'default', 5, status, 3, 1, 3, status = 'queued',
    CASE WHEN n % 5 < 3 THEN 'batch' ELSE 'user-' || n * 7919 % 2000 END,
    made, made, made, 30, 30, 5, 2, 600, 0.2,
    CASE WHEN n % 5 < 2 THEN 's-' || n / 50 END,
    CASE WHEN n % 3 = 0 THEN 'report' END, CASE WHEN n % 3 = 0 THEN 'r-' || n / 20 END,
    parent, parent, CASE WHEN parent IS NULL THEN 0 ELSE 1 END,
    CASE WHEN n = 1 THEN $2 ELSE 0 END, CASE WHEN n % 500 = 7 THEN id_of(n - 1) END,
    CASE WHEN n % 100 = 3 THEN 'k-' || n END, 1,
    CASE WHEN status = 'running' THEN 'runner-1' END, made,
    CASE WHEN status IN ('completed', 'failed', 'canceled') THEN made + interval '2 seconds' END,
    CASE WHEN status = 'running' THEN made + interval '1 year' END,
    CASE WHEN status = 'running' THEN made + interval '1 year' END,
    json_build_object('percent', n % 90), 20, '{"a": "a value of it"}'
FROM (
    SELECT
        n, (n * 7919 % 1000) / 1000.0 AS pick, now() - interval '30 days' * (1 - n::float8 / $1) AS made,
        CASE WHEN n <> 1 AND n <= 10 * $2 AND n % 10 = 0 THEN id_of(1) WHEN n % 50 > 45 THEN id_of(n - n % 50 + 50) END
            AS parent,
        CASE
            WHEN n = 1 OR n > $1 * 0.998 AND n % 5 = 0 THEN 'running'
            WHEN n > $1 * 0.995 THEN 'queued'
            WHEN n % 50 = 3 THEN 'failed'
            WHEN n % 97 = 5 THEN 'canceled'
            ELSE 'completed'
        END AS status
    FROM generate_series(1, $1::bigint) AS n
) AS made_up
"""


async def fill(connection: Connection, number: int, *, children: int) -> None:
    """Insert so many jobs; the first has so many `children`, of different status."""
    await connection.execute(
        "CREATE FUNCTION pg_temp.id_of(n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql AS "
        "$$ SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$"
    )
    await connection.execute(_FILL.replace("id_of(", "pg_temp.id_of("), number, children)
    await connection.execute("ANALYZE jobs")
