-- Fills the jobs table with $1 jobs made from the templates, which are real jobs of the scope `bench`, one per status.
-- What is not named here is the template's own, so that a column a migration adds needs no word here.
WITH numbered AS (
    SELECT
        n,
        uuidv7(make_interval(secs => (n - $1) * 2.0)) AS id,
        clock_timestamp() + make_interval(secs => (n - $1) * 2.0) AS moment,
        -- One scope has half of everything, a hundred others share the rest.
        CASE WHEN random() < 0.5 THEN 'bench' ELSE 'tenant-' || floor(random() * 100)::int END AS scope,
        random() AS kind,
        -- Eight of ten jobs belong to a session of about twenty jobs, a third are about something.
        CASE WHEN random() < 0.8 THEN 'session-' || floor(random() * $1 / 20)::int END AS session_id,
        CASE WHEN random() < 0.33 THEN 'report-' || floor(random() * $1 / 5)::int END AS related_id,
        'user-' || floor(random() * 500)::int AS created_by,
        'bench.type-' || floor(power(random(), 2) * 20)::int AS type,
        (random() * 9)::int AS priority
    FROM generate_series(1, $1) AS n
), placed AS (
    SELECT *, CASE
        WHEN kind < 0.03 THEN 'queued' WHEN kind < 0.033 THEN 'running' WHEN kind < 0.93 THEN 'completed'
        WHEN kind < 0.98 THEN 'failed' ELSE 'canceled'
    END AS status
    FROM numbered
)
INSERT INTO jobs (
    id, scope, type, priority, created_by, session_id, related_type, related_id,
    created_at, updated_at, run_at, started_at, finished_at, lease_expires_at, due_at, {others}
)
SELECT
    placed.id, placed.scope, placed.type, placed.priority, placed.created_by, placed.session_id,
    CASE WHEN placed.related_id IS NOT NULL THEN 'report' END, placed.related_id,
    placed.moment, placed.moment, placed.moment,
    placed.moment + (template.started_at - template.created_at),
    placed.moment + (template.finished_at - template.created_at),
    CASE WHEN placed.status = 'running' THEN clock_timestamp() + interval '1 day' END,
    CASE WHEN placed.status = 'running' THEN clock_timestamp() + interval '1 day' END,
    {templates}
FROM placed JOIN templates AS template USING (status)
