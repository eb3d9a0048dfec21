-- Every statement of the jobs service. Times are the database's; `$n` are values.

-- name: read_clock
-- What time it is.
SELECT clock_timestamp();

-- name: upsert_job_types
-- Register job types ($1 names, $2 specifications); the last registration counts.
INSERT INTO job_types (name, spec)
SELECT DISTINCT ON (name) name, spec FROM unnest($1::text[], $2::json[]) AS given (name, spec) ORDER BY name
ON CONFLICT (name) DO UPDATE SET spec = excluded.spec, updated_at = now()
WHERE job_types.spec::text <> excluded.spec::text;

-- name: upsert_runner
-- Remember a runner: name, version, slots and the types it serves.
INSERT INTO runners (name, version, slots, job_types) VALUES ($1, $2, $3, $4::text[])
ON CONFLICT (name) DO UPDATE
SET version = excluded.version, slots = excluded.slots, job_types = excluded.job_types, seen_at = now()
RETURNING seen_at;

-- name: read_job_types
-- The specifications of the named types.
SELECT name, spec FROM job_types WHERE name = ANY($1::text[]);

-- name: list_job_types
-- At most $2 types after the name $1.
SELECT name, spec FROM job_types WHERE name > $1 ORDER BY name LIMIT $2;

-- name: insert_jobs
-- Create jobs; one whose unique key an active job has is left out.
INSERT INTO jobs (
    id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts, is_ready,
    created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, timeout_seconds,
    ttl_seconds, backoff_initial_seconds, backoff_factor, backoff_max_seconds, backoff_jitter,
    session_id, related_type, related_id, parent_id, root_id, retry_of, unique_key, origin, traceparent,
    runner, token_hash, seq, log_seq, started_at, lease_expires_at, timeout_at, due_at, progress,
    input_bytes, input
)
SELECT * FROM unnest($1::new_job[])
ON CONFLICT DO NOTHING
RETURNING id::text;

-- name: find_unique
-- The active job with a scope ($1), type ($2) and unique key ($3).
SELECT id::text FROM jobs
WHERE scope = $1 AND type = $2 AND unique_key = $3 AND status IN ('queued', 'running');

-- name: read_family
-- Scope and root of the jobs that are to have children.
SELECT id::text AS id, scope, coalesce(root_id, id)::text AS root_id FROM jobs WHERE id = ANY($1::uuid[]);

-- name: remember_keys
-- Take idempotency keys (scopes, callers, keys, request hashes, job ids); those that are taken are left out.
INSERT INTO idempotency_keys (scope, caller, key, request_hash, job_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::uuid[])
ON CONFLICT DO NOTHING
RETURNING scope, caller, key;

-- name: read_key
-- What an idempotency key ($1 scope, $2 caller, $3 key) was used for, and the answer then.
SELECT request_hash, job_id::text AS job_id, answer FROM idempotency_keys
WHERE scope = $1 AND caller = $2 AND key = $3;

-- name: store_answers
-- Keep the answers (scopes, callers, keys, job ids, answers) to requests with an idempotency key.
UPDATE idempotency_keys AS known SET job_id = given.job_id, answer = given.answer
FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::json[]) AS given (scope, caller, key, job_id, answer)
WHERE known.scope = given.scope AND known.caller = given.caller AND known.key = given.key;

-- name: forget_keys
-- Delete at most $2 idempotency keys that are older than $1 seconds.
DELETE FROM idempotency_keys WHERE (scope, caller, key) IN (
    SELECT scope, caller, key FROM idempotency_keys
    WHERE created_at < now() - make_interval(secs => $1) ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING key;

-- name: lock_jobs
-- The state of the named jobs, locked in the order of their ids so that two transactions never wait for each other.
SELECT
    id::text AS id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts,
    created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, timeout_seconds,
    ttl_seconds, backoff_initial_seconds, backoff_factor, backoff_max_seconds, backoff_jitter,
    session_id, related_type, related_id, parent_id::text AS parent_id, root_id::text AS root_id,
    retry_of::text AS retry_of, unique_key, origin, traceparent, runner, token_hash, seq, log_seq,
    cancel_state, cancel_requested_by, cancel_requested_at, cancel_reason, cancel_deadline, started_at,
    finished_at, lease_expires_at, timeout_at, due_at, expires_at, progress, error, partial,
    clock_timestamp() AS now
FROM jobs WHERE id = ANY($1::uuid[]) ORDER BY jobs.id FOR UPDATE;

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
            root_id::text AS root_id, retry_of::text AS retry_of, unique_key, origin, traceparent,
            runner, token_hash, seq, log_seq, cancel_state, cancel_requested_by, cancel_requested_at,
            cancel_reason, cancel_deadline, started_at, finished_at, lease_expires_at, timeout_at,
            due_at, expires_at, progress, error, partial,
            id AS job_id, input_bytes, input
        FROM jobs
        WHERE status = 'queued' AND is_ready AND queue = wanted_queue AND type = wanted_type
        ORDER BY priority DESC, run_at, jobs.id LIMIT $3 FOR UPDATE SKIP LOCKED
    ) AS ready
) AS found
WHERE bytes_before < $4
ORDER BY priority DESC, run_at, job_id LIMIT $3;

-- name: lock_due
-- At most $1 running jobs that need a look, locked.
SELECT id::text FROM jobs WHERE status = 'running' AND due_at <= now()
ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED;

-- name: lock_expired
-- At most $1 finished jobs whose time to live ended, locked.
SELECT id::text FROM jobs WHERE expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED;

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

-- name: save_jobs
-- Write changed jobs, each only if it still has the revision it was read with; returns the ids written.
UPDATE jobs SET
    status = given.status, revision = given.revision, attempt = given.attempt,
    max_attempts = given.max_attempts, is_ready = given.is_ready, updated_at = given.updated_at,
    run_at = given.run_at, runner = given.runner, token_hash = given.token_hash, seq = given.seq,
    log_seq = given.log_seq, cancel_state = given.cancel_state,
    cancel_requested_by = given.cancel_requested_by, cancel_requested_at = given.cancel_requested_at,
    cancel_reason = given.cancel_reason, cancel_deadline = given.cancel_deadline,
    started_at = given.started_at, finished_at = given.finished_at,
    lease_expires_at = given.lease_expires_at, timeout_at = given.timeout_at, due_at = given.due_at,
    expires_at = given.expires_at, progress = given.progress, error = given.error,
    partial = given.partial, metrics = given.metrics, result = given.result
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

-- name: insert_logs
-- Add log entries.
INSERT INTO job_logs (job_id, seq, time, level, message, context)
SELECT * FROM unnest($1::new_log_entry[]);

-- name: trim_logs
-- Drop the entries of the jobs $1 up to the numbers $2.
DELETE FROM job_logs USING unnest($1::uuid[], $2::bigint[]) AS given (job_id, upto)
WHERE job_logs.job_id = given.job_id AND job_logs.seq <= given.upto;

-- name: read_jobs
-- The named jobs whole; with $2 false, without input, partial and result.
SELECT
    id::text AS id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts,
    created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, timeout_seconds,
    ttl_seconds, backoff_initial_seconds, backoff_factor, backoff_max_seconds, backoff_jitter,
    session_id, related_type, related_id, parent_id::text AS parent_id, root_id::text AS root_id,
    retry_of::text AS retry_of, unique_key, origin, traceparent, runner, token_hash, seq, log_seq,
    cancel_state, cancel_requested_by, cancel_requested_at, cancel_reason, cancel_deadline, started_at,
    finished_at, lease_expires_at, timeout_at, due_at, expires_at, progress, error,
    metrics, CASE WHEN $2 THEN partial END AS partial, CASE WHEN $2 THEN result END AS result,
    CASE WHEN $2 THEN input END AS input
FROM jobs WHERE id = ANY($1::uuid[]);

-- name: read_logs
-- At most $3 entries of a job's log after the number $2.
SELECT seq, time, level, message, context FROM job_logs WHERE job_id = $1 AND seq > $2 ORDER BY seq LIMIT $3;

-- name: list_by_parent
-- Children of a job, newest first; see list_by_status for the parameters.
SELECT id::text AS id, created_at FROM jobs
WHERE scope = $1 AND parent_id = $5 AND status = ANY($2::text[])
    AND ($3::text IS NULL OR type = $3) AND ($4::text IS NULL OR session_id = $4)
    AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text)) AND ($9::text IS NULL OR created_by = $9)
    AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
ORDER BY created_at DESC, jobs.id DESC LIMIT $13;

-- name: list_by_root
-- Jobs of a tree, newest first; see list_by_status for the parameters.
SELECT id::text AS id, created_at FROM jobs
WHERE scope = $1 AND root_id = $6 AND status = ANY($2::text[])
    AND ($3::text IS NULL OR type = $3) AND ($4::text IS NULL OR session_id = $4)
    AND ($5::uuid IS NULL OR parent_id = $5) AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text)) AND ($9::text IS NULL OR created_by = $9)
    AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
ORDER BY created_at DESC, jobs.id DESC LIMIT $13;

-- name: list_by_related
-- Jobs about one thing, newest first; see list_by_status for the parameters.
SELECT id::text AS id, created_at FROM jobs
WHERE scope = $1 AND related_type = $7 AND related_id = $8 AND status = ANY($2::text[])
    AND ($3::text IS NULL OR type = $3) AND ($4::text IS NULL OR session_id = $4)
    AND ($5::uuid IS NULL OR parent_id = $5) AND ($6::uuid IS NULL OR root_id = $6) AND ($9::text IS NULL OR created_by = $9)
    AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
ORDER BY created_at DESC, jobs.id DESC LIMIT $13;

-- name: list_by_session
-- Jobs of a session, newest first; see list_by_status for the parameters.
SELECT id::text AS id, created_at FROM jobs
WHERE scope = $1 AND session_id = $4 AND status = ANY($2::text[])
    AND ($3::text IS NULL OR type = $3) AND ($5::uuid IS NULL OR parent_id = $5)
    AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text)) AND ($9::text IS NULL OR created_by = $9)
    AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
ORDER BY created_at DESC, jobs.id DESC LIMIT $13;

-- name: list_by_creator
-- Jobs somebody created, newest first; see list_by_status for the parameters.
SELECT id::text AS id, created_at FROM jobs
WHERE scope = $1 AND created_by = $9 AND status = ANY($2::text[])
    AND ($3::text IS NULL OR type = $3) AND ($4::text IS NULL OR session_id = $4)
    AND ($5::uuid IS NULL OR parent_id = $5) AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text))
    AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
ORDER BY created_at DESC, jobs.id DESC LIMIT $13;

-- name: list_by_type
-- Jobs of a type, newest first; see list_by_status for the parameters.
SELECT found.id::text AS id, found.created_at
FROM unnest($2::text[]) AS wanted_status
CROSS JOIN LATERAL (
    SELECT id, created_at FROM jobs
    WHERE scope = $1 AND status = wanted_status AND type = $3
        AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
        AND ($6::uuid IS NULL OR root_id = $6) AND ($9::text IS NULL OR created_by = $9)
        AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text))
        AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
    ORDER BY created_at DESC, id DESC LIMIT $13
) AS found
ORDER BY found.created_at DESC, found.id DESC LIMIT $13;

-- name: list_by_status
-- $1 scope, $2 statuses, $3 type, $4 session, $5 parent, $6 root, $7 and $8 related, $9 creator; $10 and $11 page, $12 from, $13 limit.
SELECT found.id::text AS id, found.created_at
FROM unnest($2::text[]) AS wanted_status
CROSS JOIN LATERAL (
    SELECT id, created_at FROM jobs
    WHERE scope = $1 AND status = wanted_status AND ($3::text IS NULL OR type = $3)
        AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
        AND ($6::uuid IS NULL OR root_id = $6) AND ($9::text IS NULL OR created_by = $9)
        AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text))
        AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
    ORDER BY created_at DESC, id DESC LIMIT $13
) AS found
ORDER BY found.created_at DESC, found.id DESC LIMIT $13;
