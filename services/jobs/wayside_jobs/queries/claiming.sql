-- What may be claimed, and when. Times are the database's; `$n` are values.

-- name: find_unheard
-- The running queued-mode jobs of the runner $1 that it has never reported on, with their attempts.
SELECT id::text AS id, attempt FROM jobs
WHERE status = 'running' AND runner = $1 AND seq = 0 AND mode = 'queued' LIMIT 10000;

-- name: lock_ready
-- Lock what to claim next, at most $4 jobs: of the queues $1 with the types $2, in pairs, round the scopes after $3.
-- Within a priority the n-th job of each scope comes before the next of any. $5 is the lock a pause waits for; places
-- that have no room ($6) are passed over, and of each at most $7 jobs are taken. A place where others have locked all
-- jobs gives one row without an id.
WITH RECURSIVE visited (queue, type, scope) AS (
    SELECT pairs.queue, pairs.type, coalesce(
        (SELECT scope FROM jobs WHERE status = 'queued' AND is_ready AND queue = pairs.queue
            AND type = pairs.type AND scope > $3::text ORDER BY scope LIMIT 1),
        (SELECT scope FROM jobs WHERE status = 'queued' AND is_ready AND queue = pairs.queue
            AND type = pairs.type ORDER BY scope LIMIT 1)
    )
    FROM (SELECT pg_advisory_xact_lock_shared($5::bigint)) AS entered
    CROSS JOIN unnest($1::text[], $2::text[]) AS pairs (queue, type)
    WHERE NOT EXISTS (SELECT FROM queues WHERE queues.name = pairs.queue AND queues.paused_at IS NOT NULL)
    UNION ALL
    SELECT visited.queue, visited.type, next.scope
    FROM visited CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT scope FROM jobs WHERE status = 'queued' AND is_ready AND queue = visited.queue
                AND type = visited.type AND scope > visited.scope ORDER BY scope LIMIT 1),
            CASE WHEN visited.scope > $3 THEN
                (SELECT scope FROM jobs WHERE status = 'queued' AND is_ready AND queue = visited.queue
                    AND type = visited.type ORDER BY scope LIMIT 1)
            END
        ) AS scope
        OFFSET 0
    ) AS next
    WHERE next.scope <= $3 OR (visited.scope > $3 AND next.scope > visited.scope)
),
places AS MATERIALIZED (
    SELECT * FROM visited
    WHERE scope IS NOT NULL
        AND NOT $6::text[] && ARRAY['queue ' || queue || ' ' || scope, 'type ' || type || ' ' || scope]
    LIMIT 100 + cardinality($1)
),
bounds AS MATERIALIZED (
    SELECT least($4::integer, $7::integer, 1 + 4 * $4 / count(*)) AS share, count(*) >= 100 + cardinality($1) AS are_more
    FROM places HAVING count(*) > 0
),
shares AS (
    SELECT queue, type, scope, count(*) AS share
    FROM (
        SELECT places.*, head.priority, row_number() OVER (
            PARTITION BY places.scope ORDER BY head.priority DESC, head.run_at, head.id
        ) AS nth
        FROM places CROSS JOIN LATERAL (
            SELECT priority, run_at, id FROM jobs
            WHERE status = 'queued' AND is_ready AND queue = places.queue AND type = places.type
                AND scope = places.scope
            ORDER BY jobs.priority DESC, run_at, id LIMIT (SELECT share FROM bounds)
        ) AS head
        ORDER BY priority DESC, nth, scope <= $3, scope LIMIT $4
    ) AS best
    GROUP BY queue, type, scope
)
SELECT
    locked.id::text AS id, shares.queue, shares.type, shares.scope, locked.size,
    bounds.are_more OR shares.share = bounds.share AS are_more, (SELECT sum(share) FROM shares)::integer AS wanted
FROM bounds CROSS JOIN shares LEFT JOIN LATERAL (
    SELECT id, priority, run_at, input_bytes + 6 * (
        length(created_by) + coalesce(length(session_id), 0) + coalesce(length(traceparent), 0)
        + coalesce(length(related_type) + length(related_id), 0)
    ) AS size
    FROM jobs
    WHERE status = 'queued' AND is_ready AND queue = shares.queue AND type = shares.type AND scope = shares.scope
    ORDER BY jobs.priority DESC, run_at, id LIMIT shares.share FOR UPDATE SKIP LOCKED
) AS locked ON true
ORDER BY locked.priority DESC, row_number() OVER (
    PARTITION BY shares.scope ORDER BY locked.priority DESC, locked.run_at, locked.id
), shares.scope <= $3, shares.scope;

-- name: claim_jobs
-- queued → running: the locked jobs $1 for the runners $2 with the token hashes $3, unless their queue was paused.
-- `|| ''` keeps the indexes of what is queued out of the plan: with statistics of an empty queue they look cheap.
UPDATE jobs SET
    status = 'running', revision = revision + 1, attempt = attempt + 1, is_ready = false, seq = 0,
    runner = given.runner, token_hash = given.token_hash, progress = '{}', partial = NULL, error = NULL,
    updated_at = greatest(statement_timestamp(), updated_at),
    started_at = greatest(statement_timestamp(), updated_at),
    lease_expires_at = greatest(statement_timestamp(), updated_at) + make_interval(secs => lease_seconds),
    timeout_at = greatest(statement_timestamp(), updated_at) + make_interval(secs => timeout_seconds),
    due_at = greatest(statement_timestamp(), updated_at)
        + make_interval(secs => least(lease_seconds, timeout_seconds))
FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS given (job_id, runner, token_hash)
WHERE id = given.job_id AND status || '' = 'queued' AND is_ready
    AND NOT EXISTS (SELECT FROM queues WHERE queues.name = jobs.queue AND queues.paused_at IS NOT NULL)
RETURNING
    id::text AS id, scope, type, queue, priority, revision, attempt, max_attempts, jobs.runner, created_by, created_at,
    run_at, started_at, session_id, related_type, related_id, parent_id::text AS parent_id, root_id::text AS root_id,
    traceparent, lease_seconds, timeout_seconds, cancel_grace_seconds, input, child_count,
    -- The statement sees the row as it was before.
    CASE WHEN attempt > 1 THEN (SELECT before.error::text FROM jobs AS before WHERE before.id = jobs.id) END AS last_error;

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
