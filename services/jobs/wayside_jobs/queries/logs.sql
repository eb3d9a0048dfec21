-- The logs of jobs. Times are the database's; `$n` are values.

-- name: insert_logs
-- Add log entries.
INSERT INTO job_logs (job_id, seq, time, level, message, context, bytes)
SELECT * FROM unnest($1::new_log_entry[]);

-- name: trim_logs
-- Drop the entries of the jobs $1 up to the numbers $2.
DELETE FROM job_logs USING unnest($1::uuid[], $2::bigint[]) AS given (job_id, upto)
WHERE job_logs.job_id = given.job_id AND job_logs.seq <= given.upto;

-- name: read_logs
-- At most $3 entries of a job's log after the number $2.
SELECT seq, time, level, message, context FROM job_logs WHERE job_id = $1 AND seq > $2 ORDER BY seq LIMIT $3;
