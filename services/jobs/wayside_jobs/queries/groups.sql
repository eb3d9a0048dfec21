-- Parents and their children, retries, and jobs somebody waits for. Times are the database's; `$n` are values.

-- name: count_children
-- How many children of the jobs $1 there are in each status, and the sum of what the running ones have done, in percent.
SELECT
    counted.parent_id::text AS parent_id, counted.status, counted.number,
    CASE WHEN counted.status = 'running' THEN (
        SELECT coalesce(sum((progress ->> 'percent')::float8), 0) FROM jobs
        WHERE parent_id = counted.parent_id AND scope = counted.scope AND status = 'running'
    ) END AS percents
FROM (
    SELECT parent_id, scope, status, count(*) AS number FROM jobs
    WHERE parent_id = ANY($1::uuid[]) GROUP BY parent_id, scope, status
) AS counted;

-- name: read_retries
-- The newest job that was made of each of the jobs $1 by a retry.
SELECT DISTINCT ON (retry_of) retry_of::text AS retry_of, id::text AS id FROM jobs
WHERE retry_of = ANY($1::uuid[]) ORDER BY retry_of, created_at DESC;
