-- New jobs, and the keys that make a repeat harmless. Times are the database's; `$n` are values.

-- name: create_jobs
-- Create jobs without unique keys, and rows of the outbox with so many events ($6) each ($7): all, or nothing where
-- jobs that were to begin at once have to wait. Their claims look for jobs of the queues $2 with the types $3, in pairs.
WITH gate AS MATERIALIZED (
    SELECT cardinality($2::text[]) = 0 OR nothing_comes_first($2, $3::text[], $4::text[], $5::bigint) AS is_open
),
created AS (
    INSERT INTO jobs (
        id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts, is_ready,
        created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, timeout_seconds,
        ttl_seconds, backoff_initial_seconds, backoff_factor, backoff_max_seconds, backoff_jitter,
        session_id, related_type, related_id, parent_id, root_id, depth, retry_of, unique_key, origin, traceparent,
        runner, token_hash, seq, started_at, lease_expires_at, timeout_at, due_at, progress,
        input_bytes, input
    )
    SELECT given.* FROM gate CROSS JOIN unnest($1::new_job[]) AS given WHERE gate.is_open
),
told AS (
    INSERT INTO outbox (events, messages)
    SELECT rows.events, rows.messages FROM gate CROSS JOIN unnest($6::integer[], $7::bytea[]) AS rows (events, messages)
    WHERE gate.is_open
)
SELECT is_open, clock_timestamp() AS now FROM gate;

-- name: insert_jobs
-- Create jobs but those whose unique key an active job has; for $2 to $5 see `create_jobs`.
WITH gate AS MATERIALIZED (
    SELECT cardinality($2::text[]) = 0 OR nothing_comes_first($2, $3::text[], $4::text[], $5::bigint) AS is_open
),
created AS (
    INSERT INTO jobs (
        id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts, is_ready,
        created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, timeout_seconds,
        ttl_seconds, backoff_initial_seconds, backoff_factor, backoff_max_seconds, backoff_jitter,
        session_id, related_type, related_id, parent_id, root_id, depth, retry_of, unique_key, origin, traceparent,
        runner, token_hash, seq, started_at, lease_expires_at, timeout_at, due_at, progress,
        input_bytes, input
    )
    SELECT given.* FROM gate CROSS JOIN unnest($1::new_job[]) AS given WHERE gate.is_open
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT gate.is_open, created.id::text AS id FROM gate LEFT JOIN created ON true;

-- name: find_unique
-- The active jobs with scopes ($1), types ($2) and unique keys ($3).
SELECT given.scope, given.type, given.unique_key, found.id::text AS id
FROM unnest($1::text[], $2::text[], $3::text[]) AS given (scope, type, unique_key)
CROSS JOIN LATERAL (
    SELECT jobs.id FROM jobs
    WHERE jobs.scope = given.scope AND jobs.type = given.type AND jobs.unique_key = given.unique_key
        AND jobs.status IN ('queued', 'running')
    LIMIT 1
) AS found;

-- name: lock_unique_keys
-- Let one transaction after the other look for these keys and create a job; the lock of an active job's key is its index.
SELECT pg_advisory_xact_lock(hashtextextended(given.name, 7)) FROM unnest($1::text[]) AS given (name);

-- name: find_recent
-- The newest job with a scope ($1), type ($2) and unique key ($3) within so many seconds ($4), for the new job $5.
SELECT given.asked_for::text AS asked_for, found.id::text AS id
FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::uuid[])
    AS given (scope, type, unique_key, seconds, asked_for)
CROSS JOIN LATERAL (
    SELECT jobs.id FROM jobs
    WHERE jobs.scope = given.scope AND jobs.type = given.type AND jobs.unique_key = given.unique_key
        AND jobs.created_at > clock_timestamp() - make_interval(secs => given.seconds)
    ORDER BY jobs.created_at DESC LIMIT 1
) AS found;

-- name: remember_keys
-- Take idempotency keys (scopes, callers, keys, request hashes, job ids, parents); those that are taken are left out.
INSERT INTO idempotency_keys (scope, caller, key, request_hash, job_id, parent_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::uuid[], $6::uuid[])
ON CONFLICT DO NOTHING
RETURNING scope, caller, key;

-- name: read_key
-- What an idempotency key ($1 scope, $2 caller, $3 key) was used for, and the answer then.
SELECT request_hash, job_id::text AS job_id, status, answer FROM idempotency_keys
WHERE scope = $1 AND caller = $2 AND key = $3;

-- name: store_answers
-- Keep the answers (scopes, callers, keys, job ids, answers, statuses) to requests with an idempotency key.
UPDATE idempotency_keys AS known SET job_id = given.job_id, answer = given.answer, status = given.status
FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::json[], $6::smallint[])
    AS given (scope, caller, key, job_id, answer, status)
WHERE known.scope = given.scope AND known.caller = given.caller AND known.key = given.key;
