-- What may be claimed, and when. Times are the database's; `$n` are values.

-- name: lock_ready
-- What to claim next of the queues $1 and types $2, with inputs: at most $3 jobs and about $4 bytes, locked.
SELECT found.*, clock_timestamp() AS now
FROM (
    SELECT ready.*, sum(ready.input_bytes) OVER (ORDER BY ready.priority DESC, ready.run_at, ready.job_id)
        - ready.input_bytes AS bytes_before
    FROM unnest($1::text[]) AS wanted_queue
    CROSS JOIN unnest($2::text[]) AS wanted_type
    CROSS JOIN LATERAL (
        SELECT
            id::text AS id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts,
            created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds,
            timeout_seconds, ttl_seconds, backoff_initial_seconds, backoff_factor, backoff_max_seconds,
            backoff_jitter, session_id, related_type, related_id, parent_id::text AS parent_id,
            root_id::text AS root_id, depth, child_count, retry_of::text AS retry_of, unique_key, origin, traceparent,
            runner, token_hash, seq, log_seq, log_dropped, log_bytes, cancel_state, cancel_requested_by, cancel_requested_at,
            cancel_reason, cancel_deadline, is_cascading, started_at, finished_at, lease_expires_at, timeout_at,
            due_at, expires_at, progress, error, partial,
            id AS job_id, input_bytes, input
        FROM jobs
        WHERE status = 'queued' AND is_ready AND queue = wanted_queue AND type = wanted_type
        ORDER BY priority DESC, run_at, jobs.id LIMIT $3 FOR UPDATE SKIP LOCKED
    ) AS ready
) AS found
WHERE bytes_before < $4
ORDER BY priority DESC, run_at, job_id LIMIT $3;

-- name: ready_scheduled
-- Let at most $1 jobs be claimed whose time has come; returns their queues.
WITH ripe AS (
    SELECT id FROM jobs WHERE status = 'queued' AND NOT is_ready AND run_at <= now()
    ORDER BY run_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET is_ready = true FROM ripe WHERE jobs.id = ripe.id RETURNING queue;

-- name: next_scheduled
-- How many seconds until the next job's time comes; none when there is none.
SELECT extract(epoch FROM run_at - clock_timestamp())::float8 FROM jobs
WHERE status = 'queued' AND NOT is_ready ORDER BY run_at LIMIT 1;
