-- Queues that somebody has paused or limited. Times are the database's; `$n` are values.

-- name: is_queue_known
-- Whether somebody has set something of the queue $1, a job type names it, a runner serves it, or jobs are in it.
SELECT EXISTS (SELECT FROM queues WHERE name = $1)
    OR EXISTS (SELECT FROM job_types WHERE spec ->> 'queue' = $1)
    OR EXISTS (SELECT FROM runners WHERE $1 = ANY(queues))
    OR EXISTS (SELECT FROM jobs WHERE status = 'queued' AND is_ready AND queue = $1)
    OR EXISTS (SELECT FROM jobs WHERE status = 'running' AND queue = $1)
    OR EXISTS (SELECT FROM jobs WHERE status = 'queued' AND NOT is_ready AND queue = $1);

-- name: pause_queue
-- Let nothing be claimed of the queue $1; $2 says who wants that and $3 why.
INSERT INTO queues (name, paused_at, paused_by, pause_reason) VALUES ($1, now(), $2, $3)
ON CONFLICT (name) DO UPDATE
SET paused_at = excluded.paused_at, paused_by = excluded.paused_by, pause_reason = excluded.pause_reason, updated_at = now()
RETURNING name, paused_at, paused_by, pause_reason, concurrency_limit, concurrency_limit_per_scope, updated_at;

-- name: resume_queue
-- Let jobs of the queue $1 be claimed again.
INSERT INTO queues (name) VALUES ($1)
ON CONFLICT (name) DO UPDATE
SET paused_at = NULL, paused_by = NULL, pause_reason = NULL, updated_at = now()
RETURNING name, paused_at, paused_by, pause_reason, concurrency_limit, concurrency_limit_per_scope, updated_at;

-- name: limit_queue
-- Let at most $2 jobs of the queue $1 run at once, and $3 of each scope; none means as many as there are.
INSERT INTO queues (name, concurrency_limit, concurrency_limit_per_scope) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE
SET concurrency_limit = excluded.concurrency_limit,
    concurrency_limit_per_scope = excluded.concurrency_limit_per_scope, updated_at = now()
RETURNING name, paused_at, paused_by, pause_reason, concurrency_limit, concurrency_limit_per_scope, updated_at;

-- name: await_claims
-- Wait until the claims are over that began before; $1 is the lock they share.
SELECT pg_advisory_xact_lock($1);

-- name: read_limits
-- All limits there are, of queues and of job types.
SELECT 'queue ' || name AS key, concurrency_limit AS total, concurrency_limit_per_scope AS per_scope FROM queues
WHERE concurrency_limit IS NOT NULL OR concurrency_limit_per_scope IS NOT NULL
UNION ALL
SELECT 'type ' || name, concurrency_limit, concurrency_limit_per_scope FROM job_types
WHERE concurrency_limit IS NOT NULL OR concurrency_limit_per_scope IS NOT NULL;

-- name: lock_limits
-- Let no other claim count against the limits with the numbers $1 until this transaction ends; they are in order.
SELECT pg_advisory_xact_lock(1785684595, number) FROM unnest($1::integer[]) AS number;

-- name: count_running
-- How many jobs of the queues $1 and of the types $2 run, by queue, type and scope; parents of unfinished jobs aside.
WITH RECURSIVE busy (queue) AS (
    (SELECT queue FROM jobs WHERE status = 'running' AND cardinality($2::text[]) > 0 ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT jobs.queue FROM jobs WHERE status = 'running' AND jobs.queue > busy.queue ORDER BY jobs.queue LIMIT 1)
    FROM busy WHERE busy.queue IS NOT NULL
),
places (queue, type) AS (
    SELECT queue, type FROM busy CROSS JOIN unnest($2) AS wanted (type) WHERE queue IS NOT NULL
)
SELECT queue, type, scope, count(*)::integer AS count FROM unnest($1::text[]) AS wanted (name)
CROSS JOIN LATERAL (
    SELECT queue, type, scope FROM jobs WHERE status = 'running' AND queue = wanted.name
        AND NOT (child_count > 0 AND EXISTS (
            SELECT FROM jobs AS child WHERE child.parent_id = jobs.id AND child.status = ANY('{queued,running}')
        ))
    OFFSET 0
) AS running
GROUP BY queue, type, scope
UNION
SELECT running.queue, running.type, scope, count(*)::integer FROM places
CROSS JOIN LATERAL (
    SELECT queue, type, scope FROM jobs WHERE status = 'running' AND queue = places.queue AND type = places.type
        AND NOT (child_count > 0 AND EXISTS (
            SELECT FROM jobs AS child WHERE child.parent_id = jobs.id AND child.status = ANY('{queued,running}')
        ))
    OFFSET 0
) AS running
GROUP BY running.queue, running.type, scope;
