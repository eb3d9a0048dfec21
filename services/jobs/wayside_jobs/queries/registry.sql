-- Job types. Times are the database's; `$n` are values.

-- name: upsert_job_types
-- Register job types ($1 names, $2 specifications); the last registration counts.
INSERT INTO job_types (name, spec)
SELECT DISTINCT ON (name) name, spec FROM unnest($1::text[], $2::json[]) AS given (name, spec) ORDER BY name
ON CONFLICT (name) DO UPDATE SET spec = excluded.spec, updated_at = now()
WHERE job_types.spec::text <> excluded.spec::text;

-- name: add_job_types
-- Register those job types ($1 names, $2 specifications) that are not registered yet.
INSERT INTO job_types (name, spec)
SELECT DISTINCT ON (name) name, spec FROM unnest($1::text[], $2::json[]) AS given (name, spec) ORDER BY name
ON CONFLICT (name) DO NOTHING
RETURNING name;

-- name: read_job_types
-- The specifications of the named types.
SELECT name, spec FROM job_types WHERE name = ANY($1::text[]);

-- name: list_job_types
-- At most $2 types after the name $1.
SELECT name, spec FROM job_types WHERE name > $1 ORDER BY name LIMIT $2;
