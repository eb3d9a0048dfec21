-- What becomes due by time alone. Times are the database's; `$n` are values.

-- name: lock_due
-- At most $1 running jobs that need a look, locked.
SELECT id::text FROM jobs WHERE status = 'running' AND due_at <= now()
ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED;

-- name: lock_expired
-- At most $1 finished jobs whose time to live ended, locked.
SELECT id::text FROM jobs WHERE expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED;
