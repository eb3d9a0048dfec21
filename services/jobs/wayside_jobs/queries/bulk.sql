-- Cancels and retries of many jobs. Times are the database's; `$n` are values.

-- name: plan_for_values
-- Plan each statement of this transaction for its values: those below cannot have one good plan for all filters.
SET LOCAL plan_cache_mode = force_custom_plan;

-- name: match_jobs
-- How many jobs match, counted up to $13, and at most $12 of them. $1 scope, $2 statuses, $3 type, $4 session, $5 parent,
-- $6 root, $7 and $8 related, $9 creator, $10 created from, $11 created before.
SELECT id::text AS id, count(*) OVER () AS matched FROM (
    SELECT id FROM jobs
    WHERE scope = $1 AND status = ANY($2::text[]) AND ($3::text IS NULL OR type = $3)
        AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
        AND ($6::uuid IS NULL OR root_id = $6)
        AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text)) AND ($9::text IS NULL OR created_by = $9)
        AND ($10::timestamptz IS NULL OR created_at >= $10) AND created_at < $11::timestamptz
    LIMIT $13
) AS found
LIMIT $12;

-- name: gather_matching
-- Note which jobs the bulk job $12 is to work on; see match_jobs for the other parameters.
INSERT INTO bulk_items (bulk_id, job_id)
SELECT $12::uuid, id FROM jobs
WHERE scope = $1 AND status = ANY($2::text[]) AND ($3::text IS NULL OR type = $3)
    AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
    AND ($6::uuid IS NULL OR root_id = $6)
    AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text)) AND ($9::text IS NULL OR created_by = $9)
    AND ($10::timestamptz IS NULL OR created_at >= $10) AND created_at < $11::timestamptz;

-- name: gather_named
-- Note that the bulk job $1 is to work on the jobs $2.
INSERT INTO bulk_items (bulk_id, job_id) SELECT DISTINCT $1::uuid, id FROM unnest($2::uuid[]) AS named (id);

-- name: begin_bulk
-- Keep the counts $2 of the bulk job $1 from now on.
INSERT INTO bulk_runs (bulk_id, counts) VALUES ($1, $2);

-- name: read_bulk
-- The counts of the bulk job $1; none before it has begun.
SELECT counts FROM bulk_runs WHERE bulk_id = $1;

-- name: save_bulk
-- Keep the counts $2 of the bulk job $1.
UPDATE bulk_runs SET counts = $2 WHERE bulk_id = $1;

-- name: take_bulk_items
-- Take the next at most $2 jobs the bulk job $1 is to work on. It goes on behind what was taken before: until the next
-- vacuum the index still has all of that, and to look through it would take longer with each step.
WITH next AS (
    SELECT job_id FROM bulk_items
    WHERE bulk_id = $1 AND job_id > (SELECT taken_upto FROM bulk_runs WHERE bulk_id = $1)
    ORDER BY job_id LIMIT $2
),
noted AS (
    UPDATE bulk_runs SET taken_upto = last.job_id FROM (SELECT job_id FROM next ORDER BY job_id DESC LIMIT 1) AS last
    WHERE bulk_runs.bulk_id = $1
)
DELETE FROM bulk_items USING next
WHERE bulk_items.bulk_id = $1 AND bulk_items.job_id = next.job_id
RETURNING bulk_items.job_id::text AS job_id;

-- name: forget_bulk_items
-- Delete at most $1 notes of bulk jobs that are over or deleted.
DELETE FROM bulk_items WHERE ctid = ANY (ARRAY(
    SELECT bulk_items.ctid FROM bulk_runs JOIN bulk_items USING (bulk_id)
    WHERE NOT EXISTS (SELECT FROM jobs WHERE jobs.id = bulk_runs.bulk_id AND status IN ('queued', 'running'))
    LIMIT $1
))
RETURNING job_id;

-- name: forget_bulk_runs
-- Delete the counts of bulk jobs that are over or deleted and have no notes left.
DELETE FROM bulk_runs
WHERE NOT EXISTS (SELECT FROM jobs WHERE jobs.id = bulk_runs.bulk_id AND status IN ('queued', 'running'))
    AND NOT EXISTS (SELECT FROM bulk_items WHERE bulk_items.bulk_id = bulk_runs.bulk_id);
