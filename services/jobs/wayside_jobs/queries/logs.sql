-- The logs of jobs. Times are the database's; `$n` are values.

-- name: insert_logs
-- Add log entries.
INSERT INTO job_logs (job_id, seq, time, level, message, context, bytes)
SELECT * FROM unnest($1::new_log_entry[]);

-- name: cut_logs
-- Drop the oldest entries of the jobs $1, so that at most $2 entries and $3 bytes of each are left, and one at least.
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS given (job_id, entries, bytes)
), cut AS MATERIALIZED (
    SELECT given.job_id, (
        SELECT max(newest.seq) FROM (
            SELECT seq, row_number() OVER last AS place, sum(bytes) OVER last AS size
            FROM job_logs WHERE job_logs.job_id = given.job_id
            WINDOW last AS (ORDER BY seq DESC ROWS UNBOUNDED PRECEDING)
        ) AS newest
        WHERE place > 1 AND (place > given.entries OR size > given.bytes)
    ) AS upto
    FROM given
), dropped AS (
    DELETE FROM job_logs USING cut WHERE job_logs.job_id = cut.job_id AND job_logs.seq <= cut.upto
    RETURNING job_logs.job_id, job_logs.bytes
)
SELECT job_id::text AS job_id, count(*) AS entries, sum(bytes)::bigint AS bytes FROM dropped GROUP BY job_id;

-- name: read_logs
-- At most $4 entries of the levels $2 of a job's log ($1) after the number $3.
SELECT seq, time, received_at, level, message, context FROM job_logs
WHERE job_id = $1 AND seq > $3 AND level = ANY($2::text[]) ORDER BY seq LIMIT $4;
