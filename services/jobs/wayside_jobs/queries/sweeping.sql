-- What becomes due by time alone. Times are the database's; `$n` are values.

-- name: take_due
-- At most $1 running jobs that need a look, locked.
SELECT id::text AS id FROM jobs WHERE status = 'running' AND due_at <= now()
ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED;
