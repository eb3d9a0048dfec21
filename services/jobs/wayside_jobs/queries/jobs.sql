-- One job, or several by their ids. Times are the database's; `$n` are values.

-- name: read_clock
-- What time it is.
SELECT clock_timestamp();

-- name: lock_jobs
-- The state of the named jobs, locked in the order of their ids so that two transactions never wait for each other.
SELECT
    id::text AS id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts,
    created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, timeout_seconds,
    ttl_seconds, backoff_initial_seconds, backoff_factor, backoff_max_seconds, backoff_jitter,
    session_id, related_type, related_id, parent_id::text AS parent_id, root_id::text AS root_id, depth, child_count, releases,
    retry_of::text AS retry_of, unique_key, origin, traceparent, runner, token_hash, seq, log_seq, log_dropped, log_bytes,
    cancel_state, cancel_requested_by, cancel_requested_at, cancel_reason, cancel_deadline, is_cascading, started_at,
    finished_at, lease_expires_at, timeout_at, due_at, expires_at, progress, error, partial,
    clock_timestamp() AS now
FROM jobs WHERE id = ANY($1::uuid[]) ORDER BY jobs.id FOR UPDATE;

-- name: read_jobs
-- The named jobs whole; with $2 false, without input, partial and result.
SELECT
    id::text AS id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts,
    created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, timeout_seconds,
    ttl_seconds, backoff_initial_seconds, backoff_factor, backoff_max_seconds, backoff_jitter,
    session_id, related_type, related_id, parent_id::text AS parent_id, root_id::text AS root_id, depth, child_count, releases,
    retry_of::text AS retry_of, unique_key, origin, traceparent, runner, token_hash, seq, log_seq, log_dropped, log_bytes,
    cancel_state, cancel_requested_by, cancel_requested_at, cancel_reason, cancel_deadline, is_cascading, started_at,
    finished_at, lease_expires_at, timeout_at, due_at, expires_at, progress, error,
    metrics, CASE WHEN $2 THEN partial END AS partial, CASE WHEN $2 THEN result END AS result,
    CASE WHEN $2 THEN input END AS input
FROM jobs WHERE id = ANY($1::uuid[]);

-- name: save_jobs
-- Write changed jobs, each only if it still has the revision it was read with; returns the ids written.
UPDATE jobs SET
    status = given.status, revision = given.revision, attempt = given.attempt,
    max_attempts = given.max_attempts, releases = given.releases, is_ready = given.is_ready, updated_at = given.updated_at,
    run_at = given.run_at, runner = given.runner, token_hash = given.token_hash, seq = given.seq,
    log_seq = given.log_seq, log_dropped = given.log_dropped, log_bytes = given.log_bytes,
    cancel_state = given.cancel_state,
    cancel_requested_by = given.cancel_requested_by, cancel_requested_at = given.cancel_requested_at,
    cancel_reason = given.cancel_reason, cancel_deadline = given.cancel_deadline,
    is_cascading = given.is_cascading,
    started_at = given.started_at, finished_at = given.finished_at,
    lease_expires_at = given.lease_expires_at, timeout_at = given.timeout_at, due_at = given.due_at,
    expires_at = given.expires_at, progress = given.progress, error = given.error,
    partial = CASE WHEN given.keeps_partial THEN jobs.partial ELSE given.partial END, metrics = given.metrics, result = given.result
FROM unnest($1::changed_job[]) AS given
WHERE jobs.id = given.id AND jobs.revision = given.known_revision
RETURNING jobs.id::text;

-- name: extend_leases
-- Write what changed that nobody sees, while the revision is the one that was read; returns the ids written.
UPDATE jobs SET
    seq = given.seq, lease_expires_at = given.lease_expires_at, due_at = given.due_at,
    token_hash = given.token_hash
FROM unnest($1::extended_lease[]) AS given
WHERE jobs.id = given.id AND jobs.revision = given.revision
RETURNING jobs.id::text;

-- name: delete_jobs
-- Delete jobs, with their logs.
DELETE FROM jobs WHERE id = ANY($1::uuid[]);
