-- Runners: who they are, when they were last heard of, and what they run. Times are the database's; `$n` are values.

-- name: upsert_runner
-- Remember a runner: $1 name, $2 version, $3 host, $4 process, $5 slots, $6 queues, $7 types it serves or tracks.
INSERT INTO runners (name, version, hostname, pid, slots, queues, job_types)
VALUES ($1, $2, $3, $4, $5, $6::text[], $7::text[])
ON CONFLICT (name) DO UPDATE
SET version = excluded.version, hostname = excluded.hostname, pid = excluded.pid, slots = excluded.slots,
    queues = excluded.queues, job_types = excluded.job_types, busy = 0, abandoned = 0, is_draining = false,
    registered_at = now(), seen_at = now(), stopped_at = NULL
RETURNING seen_at;

-- name: beat_runner
-- Note that a runner ($1) lives: $2 jobs it runs, $3 slots, $4 abandoned handlers, $5 whether it drains, $6 or has stopped for good.
UPDATE runners SET
    busy = $2, slots = $3, abandoned = $4, is_draining = $5, seen_at = now(),
    stopped_at = coalesce(stopped_at, CASE WHEN $6 THEN now() END)
WHERE name = $1
RETURNING name;

-- name: list_runners
-- At most $6 runners after the name $5; $1 statuses, $2 queue, $3 type, $4 seconds of silence after which one is lost.
SELECT name, status, version, hostname, pid, queues, job_types, slots, busy, abandoned, registered_at, seen_at, stopped_at
FROM (
    SELECT *, CASE
        WHEN stopped_at IS NOT NULL THEN 'stopped'
        WHEN seen_at < now() - make_interval(secs => $4) THEN 'lost'
        WHEN is_draining THEN 'draining'
        ELSE 'active' END AS status
    FROM runners
) AS known
WHERE name > $5 AND status = ANY($1::text[]) AND ($2::text IS NULL OR $2 = ANY(queues))
    AND ($3::text IS NULL OR $3 = ANY(job_types))
ORDER BY name LIMIT $6;

-- name: read_assignments
-- How many jobs the runners $1 have in the scopes $2 (all, when it is none), and the first $3 of each by age.
SELECT wanted.runner, found.total, ARRAY(
    SELECT id::text FROM jobs
    WHERE status = 'running' AND runner = wanted.runner AND ($2::text[] IS NULL OR scope = ANY($2))
    ORDER BY id LIMIT $3
) AS job_ids
FROM unnest($1::text[]) AS wanted (runner)
CROSS JOIN LATERAL (
    SELECT count(*) AS total FROM jobs
    WHERE status = 'running' AND runner = wanted.runner AND ($2::text[] IS NULL OR scope = ANY($2))
) AS found
WHERE found.total > 0;
