-- Reading: what is under way, what ended, and up to where somebody has seen it. Times are the database's; `$n` are values.
-- A status that is compared as a value is never looked for among all running jobs, of whatever scope.

-- name: count_active_of_creator
-- How many jobs of the scope $1 and the creator $2 wait and run, each counted up to $3.
SELECT status, (
    SELECT count(*) FROM (
        SELECT FROM jobs WHERE scope = $1 AND created_by = $2 AND jobs.status = counted.status LIMIT $3
    ) AS found
) AS number
FROM unnest(ARRAY['queued', 'running']) AS counted (status);

-- name: count_active
-- How many jobs of the scope $1 wait and run, each counted up to $2.
SELECT status, (
    SELECT count(*) FROM (SELECT FROM jobs WHERE scope = $1 AND jobs.status = counted.status LIMIT $2) AS found
) AS number
FROM unnest(ARRAY['queued', 'running']) AS counted (status);

-- name: list_by_end
-- The jobs of the scope $1 and the creator $2 that ended after $3, the last first, at most $6 after the place $4 and $5.
SELECT id::text AS id, finished_at FROM jobs
WHERE scope = $1 AND created_by = $2 AND finished_at > $3 AND (finished_at, id) < ($4::timestamptz, $5::uuid)
ORDER BY finished_at DESC, jobs.id DESC LIMIT $6;

-- name: count_ended
-- How many jobs of the scope $1 and the creator $2 ended after $3, counted up to $4.
SELECT count(*) FROM (
    SELECT FROM jobs WHERE scope = $1 AND created_by = $2 AND finished_at > $3 LIMIT $4
) AS ended;

-- name: read_mark
-- What time it is, up to when the reader $2 of the scope $1 has seen how jobs ended, and up to when every end is known.
SELECT statement_timestamp() AS now, all_ends_known_upto() AS upto,
    (SELECT seen_at FROM seen_marks WHERE scope = $1 AND subject = $2) AS seen_at;

-- name: move_mark
-- The reader $2 of the scope $1 has seen everything up to $3, or all that is known. A mark never goes back, nor ahead of
-- the time.
INSERT INTO seen_marks (scope, subject, seen_at)
VALUES ($1, $2, least(coalesce($3::timestamptz, all_ends_known_upto()), statement_timestamp()))
ON CONFLICT (scope, subject) DO UPDATE SET seen_at = greatest(seen_marks.seen_at, excluded.seen_at)
RETURNING seen_at;

-- name: find_job_types
-- At most $2 types that have a text ($1) in their name.
SELECT name FROM job_types WHERE strpos(name, $1) > 0 ORDER BY name LIMIT $2;
