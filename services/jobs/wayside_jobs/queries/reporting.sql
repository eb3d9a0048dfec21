-- What runners report. Times are the database's; `$n` are values.

-- name: complete_jobs
-- Complete running jobs: what `decide` and `verbs.complete` do with a job that has shown no progress, for many at once.
UPDATE jobs SET
    status = 'completed', revision = jobs.revision + 1, seq = given.seq, progress = '{"percent":100.0}',
    error = NULL, metrics = given.metrics, result = given.result, cancel_deadline = NULL,
    updated_at = greatest(statement_timestamp(), jobs.updated_at),
    finished_at = greatest(statement_timestamp(), jobs.updated_at),
    expires_at = greatest(statement_timestamp(), jobs.updated_at) + make_interval(secs => jobs.ttl_seconds),
    lease_expires_at = NULL, timeout_at = NULL, due_at = NULL
FROM unnest($1::completed_job[]) AS given
CROSS JOIN LATERAL (
    -- By the lease, which running jobs have: the planner would read `status` as leave to look through all that run.
    SELECT free.ctid AS place FROM jobs AS free
    WHERE free.id = given.id AND free.lease_expires_at IS NOT NULL AND free.attempt = given.attempt
        AND free.token_hash = given.token_hash AND free.seq < given.seq AND free.progress::text = '{}'
    FOR NO KEY UPDATE SKIP LOCKED
) AS free
WHERE jobs.ctid = free.place
RETURNING
    jobs.id::text AS id, scope, type, mode, queue, priority, jobs.revision, jobs.attempt, max_attempts,
    created_by, created_at, updated_at, run_at, session_id, related_type, related_id, parent_id::text AS parent_id,
    root_id::text AS root_id, depth, traceparent, runner, started_at, finished_at, expires_at;

-- name: lock_reported
-- The state of the named jobs that nobody else has locked, and of those in $2 the partial result too.
SELECT
    id::text AS id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts,
    created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, timeout_seconds,
    ttl_seconds, backoff_initial_seconds, backoff_factor, backoff_max_seconds, backoff_jitter,
    session_id, related_type, related_id, parent_id::text AS parent_id, root_id::text AS root_id, depth, child_count, releases,
    retry_of::text AS retry_of, unique_key, origin, traceparent, runner, token_hash, seq, log_seq, log_dropped, log_bytes,
    cancel_state, cancel_requested_by, cancel_requested_at, cancel_reason, cancel_deadline, is_cascading, started_at,
    finished_at, lease_expires_at, timeout_at, due_at, expires_at, progress, error,
    CASE WHEN id = ANY($2::uuid[]) THEN partial END AS partial,
    partial IS NOT NULL AND id <> ALL($2::uuid[]) AS keeps_partial, clock_timestamp() AS now
FROM jobs WHERE id = ANY($1::uuid[]) ORDER BY jobs.id FOR UPDATE SKIP LOCKED;

-- name: find_jobs
-- Which of the named jobs exist.
SELECT id::text AS id FROM jobs WHERE id = ANY($1::uuid[]);
