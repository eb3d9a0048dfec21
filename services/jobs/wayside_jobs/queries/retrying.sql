-- Retries: new jobs like ended ones. Times are the database's; `$n` are values.

-- name: read_latest_retries
-- For each of the jobs $1 that was retried: the retry that is active, else the newest.
SELECT DISTINCT ON (retry_of) retry_of::text AS retry_of, id::text AS id, status IN ('queued', 'running') AS is_active
FROM jobs WHERE retry_of = ANY($1::uuid[])
ORDER BY retry_of, status IN ('queued', 'running') DESC, created_at DESC;

-- name: insert_retries
-- Create jobs with the inputs of those they retry; one whose unique key an active job has is left out. In the order in
-- which the service sorts new jobs: two transactions that wait for each other's unique keys would wait for ever.
INSERT INTO jobs (
    id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts, is_ready,
    created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, timeout_seconds,
    ttl_seconds, backoff_initial_seconds, backoff_factor, backoff_max_seconds, backoff_jitter,
    session_id, related_type, related_id, parent_id, root_id, depth, retry_of, unique_key, origin, traceparent,
    seq, progress, input_bytes, input
)
SELECT
    given.id, given.scope, given.type, given.mode, given.queue, given.priority, given.status, given.revision,
    given.attempt, given.max_attempts, given.is_ready, given.created_by, given.created_at, given.updated_at,
    given.run_at, given.lease_seconds, given.cancel_grace_seconds, given.timeout_seconds, given.ttl_seconds,
    given.backoff_initial_seconds, given.backoff_factor, given.backoff_max_seconds, given.backoff_jitter,
    given.session_id, given.related_type, given.related_id, given.parent_id, given.root_id, given.depth,
    given.retry_of, given.unique_key, given.origin, given.traceparent, given.seq, given.progress,
    retried.input_bytes, retried.input
FROM unnest($1::new_job[]) AS given JOIN jobs AS retried ON retried.id = given.retry_of
ORDER BY given.unique_key COLLATE "C", given.scope COLLATE "C", given.type COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING id::text;
