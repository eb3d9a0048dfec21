-- Counts of what happened, and of what there is. Times are the database's; `$n` are values.

-- name: add_stats
-- Add counts of minutes ($1, a JSON array of rows); in one order for all, so that two transactions never wait for each other.
INSERT INTO job_stats AS known (
    minute, queue, type, created, claimed, completed, failed, canceled, pickup_seconds, pickup_max_seconds, run_seconds,
    run_max_seconds, pickup_buckets, run_buckets
)
SELECT
    minute, queue, type, created, claimed, completed, failed, canceled, pickup_seconds, pickup_max_seconds, run_seconds,
    run_max_seconds, pickup_buckets, run_buckets
FROM json_to_recordset($1::json) AS given (
    minute timestamptz, queue text, type text, created bigint, claimed bigint, completed bigint, failed bigint,
    canceled bigint, pickup_seconds float8, pickup_max_seconds float8, run_seconds float8, run_max_seconds float8,
    pickup_buckets bigint[], run_buckets bigint[]
)
ORDER BY minute, queue, type
ON CONFLICT (minute, queue, type) DO UPDATE SET
    created = known.created + excluded.created, claimed = known.claimed + excluded.claimed,
    completed = known.completed + excluded.completed, failed = known.failed + excluded.failed,
    canceled = known.canceled + excluded.canceled,
    pickup_seconds = known.pickup_seconds + excluded.pickup_seconds,
    pickup_max_seconds = greatest(known.pickup_max_seconds, excluded.pickup_max_seconds),
    run_seconds = known.run_seconds + excluded.run_seconds,
    run_max_seconds = greatest(known.run_max_seconds, excluded.run_max_seconds),
    pickup_buckets = ARRAY(
        SELECT a + b FROM unnest(known.pickup_buckets, excluded.pickup_buckets) WITH ORDINALITY AS both_of (a, b, place)
        ORDER BY place
    ),
    run_buckets = ARRAY(
        SELECT a + b FROM unnest(known.run_buckets, excluded.run_buckets) WITH ORDINALITY AS both_of (a, b, place)
        ORDER BY place
    );

-- name: read_stats
-- The counts of the minutes since $1.
SELECT
    minute, queue, type, created, claimed, completed, failed, canceled, pickup_seconds, pickup_max_seconds, run_seconds,
    run_max_seconds, pickup_buckets, run_buckets
FROM job_stats WHERE minute >= $1;

-- name: count_jobs
-- How many jobs can be claimed, wait for their time, or run, by queue, type and scope; each from an index alone.
SELECT 'ready' AS state, queue, type, scope, count(*) AS number, min(run_at) AS oldest
FROM jobs WHERE status = 'queued' AND is_ready GROUP BY queue, type, scope
UNION ALL
SELECT 'scheduled', queue, type, scope, count(*), NULL
FROM jobs WHERE status = 'queued' AND NOT is_ready GROUP BY queue, type, scope
UNION ALL
SELECT 'running', queue, type, scope, count(*), NULL
FROM jobs WHERE status = 'running' GROUP BY queue, type, scope;

-- name: read_queues
-- The queues that somebody has paused or limited, and those that job types name.
SELECT
    coalesce(queues.name, named.name) AS name, paused_at, paused_by, pause_reason, concurrency_limit,
    concurrency_limit_per_scope
FROM queues FULL JOIN (SELECT DISTINCT spec ->> 'queue' AS name FROM job_types) AS named ON named.name = queues.name;
