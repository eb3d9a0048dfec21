-- Parents and children, and cancels that go down a tree. Times are the database's; `$n` are values.

-- name: lock_parents
-- What children need to know of the jobs $1, locked in the order of their ids.
SELECT
    id::text AS id, scope, coalesce(root_id, id)::text AS root_id, depth, child_count, status, revision,
    cancel_state IS NOT NULL AS cancel_requested
FROM jobs WHERE id = ANY($1::uuid[]) ORDER BY jobs.id FOR UPDATE;

-- name: add_children
-- Count $2 new children of the jobs $1.
UPDATE jobs SET child_count = child_count + given.number
FROM unnest($1::uuid[], $2::integer[]) AS given (id, number)
WHERE jobs.id = given.id;

-- name: lock_told_next
-- At most $2 active children, of at most $1 canceled jobs, that nobody has asked to end yet, locked; with their parents.
-- A running job whose type cannot be canceled is passed over, and so is what is below it. One that waits again is named as
-- its own parent.
SELECT told.id::text AS id, told.parent_id::text AS parent_id
FROM (
    SELECT child.id, parent.id AS parent_id
    FROM (
        SELECT id, scope FROM jobs WHERE is_cascading AND (finished_at IS NOT NULL OR cancel_state IS NOT NULL)
        ORDER BY id LIMIT $1
    ) AS parent
    CROSS JOIN LATERAL (
        SELECT id FROM jobs
        WHERE parent_id = parent.id AND scope = parent.scope AND status IN ('queued', 'running')
            AND cancel_state IS NULL
            AND (status = 'queued' OR type <> ALL (SELECT name FROM job_types WHERE NOT is_cancelable))
        LIMIT $2 FOR UPDATE SKIP LOCKED
    ) AS child
    UNION ALL
    SELECT again.id, again.id
    FROM (
        SELECT id FROM jobs WHERE is_cascading AND status || '' = 'queued' AND cancel_state IS NULL
        ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
    ) AS again
) AS told
LIMIT $2;

-- name: read_causes
-- Who canceled each of the jobs $1, or the nearest of its ancestors that was canceled, and why.
WITH RECURSIVE line AS (
    SELECT id AS cascading_id, parent_id, cancel_requested_by AS requested_by, cancel_reason AS reason
    FROM jobs WHERE id = ANY($1::uuid[])
    UNION ALL
    SELECT line.cascading_id, jobs.parent_id, jobs.cancel_requested_by, jobs.cancel_reason
    FROM line JOIN jobs ON jobs.id = line.parent_id WHERE line.requested_by IS NULL
)
SELECT cascading_id::text AS id, requested_by, reason FROM line WHERE requested_by IS NOT NULL;

-- name: end_cascades
-- Let at most $1 jobs be done with their cascade that have no child left to ask. Children that were over, or
-- asked to end alone, before are no reason to stop: theirs are asked in turn.
-- Those that are passed over have this noted, for when they end or wait again.
WITH done AS (
    SELECT id FROM jobs AS parent
    WHERE is_cascading AND (finished_at IS NOT NULL OR cancel_state IS NOT NULL) AND NOT EXISTS (
        SELECT FROM jobs AS child
        WHERE child.parent_id = parent.id AND child.scope = parent.scope AND child.status IN ('queued', 'running') AND child.cancel_state IS NULL
            AND (child.status = 'queued' OR child.type <> ALL (SELECT name FROM job_types WHERE NOT is_cancelable))
    )
    ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
), passed_on AS (
    UPDATE jobs SET is_cascading = true FROM done
    WHERE jobs.parent_id = done.id AND NOT jobs.is_cascading
        AND (jobs.child_count > 0 OR jobs.finished_at IS NULL AND jobs.cancel_state IS NULL)
)
UPDATE jobs SET is_cascading = false FROM done WHERE jobs.id = done.id RETURNING jobs.id;

-- name: cascade_again
-- Ask the children of a job once more, if it has any.
UPDATE jobs SET is_cascading = true WHERE id = $1 AND child_count > 0;
