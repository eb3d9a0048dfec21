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
