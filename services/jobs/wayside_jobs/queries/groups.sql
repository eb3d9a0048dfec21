-- Parents and their children, retries, and jobs somebody waits for. Times are the database's; `$n` are values.

-- name: count_children
-- How many children of the jobs $1 there are in each status, and the sum of what the running ones have done, in percent.
SELECT
    counted.parent_id::text AS parent_id, counted.status, counted.number,
    CASE WHEN counted.status = 'running' THEN (
        SELECT coalesce(sum((progress ->> 'percent')::float8), 0) FROM jobs
        WHERE parent_id = counted.parent_id AND scope = counted.scope AND jobs.status = counted.status
    ) END AS percents
FROM (
    SELECT parent_id, scope, status, count(*) AS number FROM jobs
    WHERE parent_id = ANY($1::uuid[]) GROUP BY parent_id, scope, status
) AS counted;

-- name: read_retries
-- The newest job that was made of each of the jobs $1 by a retry.
SELECT DISTINCT ON (retry_of) retry_of::text AS retry_of, id::text AS id FROM jobs
WHERE retry_of = ANY($1::uuid[]) ORDER BY retry_of, created_at DESC;

-- name: find_running_parents
-- Which of the jobs $1 run and have children.
SELECT id::text AS id FROM jobs WHERE id = ANY($1::uuid[]) AND status = 'running' AND child_count > 0;

-- name: take_rollups
-- Of the jobs $1, those nobody else rolls up at this moment; nobody else will until the transaction ends.
SELECT id::text AS id FROM unnest($1::uuid[]) AS wanted (id)
WHERE pg_try_advisory_xact_lock($2, hashtext(wanted.id::text));

-- name: lock_parents_free
-- Lock those of the running jobs $1 that nobody else has locked; read them by lock_jobs then.
SELECT id::text AS id FROM jobs WHERE id = ANY($1::uuid[]) AND status = 'running'
ORDER BY jobs.id FOR UPDATE SKIP LOCKED;

-- name: next_parents
-- At most $2 running jobs with children after the id $1.
SELECT id::text AS id, child_count FROM jobs
WHERE status = 'running' AND child_count > 0 AND id > $1 ORDER BY jobs.id LIMIT $2;

-- name: read_ends
-- Which of the jobs $1 exist in the scope $2, and whether they have ended.
SELECT id::text AS id, finished_at IS NOT NULL AS has_ended FROM jobs WHERE id = ANY($1::uuid[]) AND scope = $2;

-- name: read_results
-- How the jobs $1 of the scope $2 ended.
SELECT id::text AS id, status, result, error FROM jobs
WHERE id = ANY($1::uuid[]) AND scope = $2 AND finished_at IS NOT NULL;

-- name: find_inactive
-- Which of the ids $1 are of no job that waits or runs.
SELECT wanted.id::text AS id FROM unnest($1::uuid[]) AS wanted (id)
WHERE NOT EXISTS (SELECT FROM jobs WHERE jobs.id = wanted.id AND jobs.finished_at IS NULL);
