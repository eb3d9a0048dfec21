-- What is deleted when its time is over. Times are the database's; `$n` are values.

-- name: take_expired
-- At most $1 finished jobs whose time to live ended, locked.
SELECT id::text AS id FROM jobs WHERE expires_at <= now() AND NOT is_cascading
ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED;

-- name: find_below_active
-- Which of the jobs $1 have an ancestor that waits, runs, or has a cascade under way.
WITH RECURSIVE line AS (
    SELECT id, parent_id FROM jobs WHERE id = ANY($1::uuid[])
    UNION ALL
    SELECT line.id, jobs.parent_id FROM line JOIN jobs ON jobs.id = line.parent_id
)
SELECT DISTINCT line.id::text AS id FROM line JOIN jobs AS ancestor ON ancestor.id = line.parent_id
WHERE ancestor.finished_at IS NULL OR ancestor.is_cascading;

-- name: delete_logs
-- Delete the logs of jobs.
DELETE FROM job_logs WHERE job_id = ANY($1::uuid[]);

-- name: shorten_log
-- Delete the entries of a job ($1) up to a number ($2), and say so in the job.
WITH dropped AS (
    DELETE FROM job_logs WHERE job_id = $1 AND seq <= $2 RETURNING bytes
)
UPDATE jobs SET log_dropped = log_dropped + (SELECT count(*) FROM dropped),
    log_bytes = log_bytes - (SELECT coalesce(sum(bytes), 0) FROM dropped)
WHERE id = $1;

-- name: put_off_expired
-- Look at finished jobs ($1) again in an hour.
UPDATE jobs SET expires_at = now() + interval '1 hour' WHERE id = ANY($1::uuid[]);

-- name: put_off_due
-- Look at a running job ($1) again in a minute.
UPDATE jobs SET due_at = now() + interval '1 minute' WHERE id = $1 AND status = 'running';

-- name: forget_keys
-- Look at the $2 oldest idempotency keys that are older than $1 seconds: those of children whose parent is active are
-- looked at again in an hour, the others deleted.
WITH old AS (
    SELECT keys.scope, keys.caller, keys.key,
        coalesce((SELECT jobs.finished_at IS NULL FROM jobs WHERE jobs.id = keys.parent_id), false) AS is_needed
    FROM idempotency_keys AS keys
    WHERE keys.created_at < now() - make_interval(secs => $1)
    ORDER BY keys.created_at LIMIT $2 FOR UPDATE OF keys SKIP LOCKED
),
kept AS (
    UPDATE idempotency_keys AS keys SET created_at = now() - make_interval(secs => $1) + interval '1 hour'
    FROM old
    WHERE old.is_needed AND keys.scope = old.scope AND keys.caller = old.caller AND keys.key = old.key
),
forgotten AS (
    DELETE FROM idempotency_keys AS keys USING old
    WHERE NOT old.is_needed AND keys.scope = old.scope AND keys.caller = old.caller AND keys.key = old.key
)
SELECT key FROM old;

-- name: forget_runners
-- Delete at most $2 runners that have been silent for $1 seconds.
DELETE FROM runners WHERE name IN (
    SELECT name FROM runners WHERE seen_at < now() - make_interval(secs => $1)
    ORDER BY seen_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING name;

-- name: forget_stats
-- Delete at most $2 rows of minutes that are older than $1 seconds.
DELETE FROM job_stats WHERE (minute, queue, type) IN (
    SELECT minute, queue, type FROM job_stats
    WHERE minute < now() - make_interval(secs => $1) ORDER BY minute LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING type;
