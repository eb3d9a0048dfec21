-- Job types and runners. Times are the database's; `$n` are values.

-- name: upsert_job_types
-- Register job types ($1 names, $2 specifications); the last registration counts.
INSERT INTO job_types (name, spec)
SELECT DISTINCT ON (name) name, spec FROM unnest($1::text[], $2::json[]) AS given (name, spec) ORDER BY name
ON CONFLICT (name) DO UPDATE SET spec = excluded.spec, updated_at = now()
WHERE job_types.spec::text <> excluded.spec::text;

-- name: upsert_runner
-- Remember a runner: name, version, slots and the types it serves.
INSERT INTO runners (name, version, slots, job_types, queues) VALUES ($1, $2, $3, $4::text[], '{}')
ON CONFLICT (name) DO UPDATE
SET version = excluded.version, slots = excluded.slots, job_types = excluded.job_types, seen_at = now()
RETURNING seen_at;

-- name: read_job_types
-- The specifications of the named types.
SELECT name, spec FROM job_types WHERE name = ANY($1::text[]);

-- name: list_job_types
-- At most $2 types after the name $1.
SELECT name, spec FROM job_types WHERE name > $1 ORDER BY name LIMIT $2;
