-- Lists, newest first: one statement per index, so that each has one plan. Times are the database's; `$n` are values.

-- name: list_by_parent
-- Children of a job, newest first; see list_by_status for the parameters.
SELECT id::text AS id, created_at FROM jobs
WHERE scope = $1 AND parent_id = $5 AND status = ANY($2::text[])
    AND ($3::text IS NULL OR type = $3) AND ($4::text IS NULL OR session_id = $4)
    AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text)) AND ($9::text IS NULL OR created_by = $9)
    AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
ORDER BY created_at DESC, jobs.id DESC LIMIT $13;

-- name: list_by_root
-- Jobs of a tree, newest first; see list_by_status for the parameters.
SELECT id::text AS id, created_at FROM jobs
WHERE scope = $1 AND root_id = $6 AND status = ANY($2::text[])
    AND ($3::text IS NULL OR type = $3) AND ($4::text IS NULL OR session_id = $4)
    AND ($5::uuid IS NULL OR parent_id = $5) AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text)) AND ($9::text IS NULL OR created_by = $9)
    AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
ORDER BY created_at DESC, jobs.id DESC LIMIT $13;

-- name: list_by_related
-- Jobs about one thing, newest first; see list_by_status for the parameters.
SELECT id::text AS id, created_at FROM jobs
WHERE scope = $1 AND related_type = $7 AND related_id = $8 AND status = ANY($2::text[])
    AND ($3::text IS NULL OR type = $3) AND ($4::text IS NULL OR session_id = $4)
    AND ($5::uuid IS NULL OR parent_id = $5) AND ($6::uuid IS NULL OR root_id = $6) AND ($9::text IS NULL OR created_by = $9)
    AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
ORDER BY created_at DESC, jobs.id DESC LIMIT $13;

-- name: list_by_session
-- Jobs of a session, newest first; see list_by_status for the parameters.
SELECT id::text AS id, created_at FROM jobs
WHERE scope = $1 AND session_id = $4 AND status = ANY($2::text[])
    AND ($3::text IS NULL OR type = $3) AND ($5::uuid IS NULL OR parent_id = $5)
    AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text)) AND ($9::text IS NULL OR created_by = $9)
    AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
ORDER BY created_at DESC, jobs.id DESC LIMIT $13;

-- name: list_by_creator
-- Jobs somebody created, newest first; see list_by_status for the parameters.
SELECT id::text AS id, created_at FROM jobs
WHERE scope = $1 AND created_by = $9 AND status = ANY($2::text[])
    AND ($3::text IS NULL OR type = $3) AND ($4::text IS NULL OR session_id = $4)
    AND ($5::uuid IS NULL OR parent_id = $5) AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text))
    AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
ORDER BY created_at DESC, jobs.id DESC LIMIT $13;

-- name: list_by_type
-- Jobs of a type, newest first; see list_by_status for the parameters.
SELECT found.id::text AS id, found.created_at
FROM unnest($2::text[]) AS wanted_status
CROSS JOIN LATERAL (
    SELECT id, created_at FROM jobs
    WHERE scope = $1 AND status = wanted_status AND type = $3
        AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
        AND ($6::uuid IS NULL OR root_id = $6) AND ($9::text IS NULL OR created_by = $9)
        AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text))
        AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
    ORDER BY created_at DESC, id DESC LIMIT $13
) AS found
ORDER BY found.created_at DESC, found.id DESC LIMIT $13;

-- name: list_by_status
-- $1 scope, $2 statuses, $3 type, $4 session, $5 parent, $6 root, $7 and $8 related, $9 creator; $10 and $11 page, $12 from, $13 limit.
SELECT found.id::text AS id, found.created_at
FROM unnest($2::text[]) AS wanted_status
CROSS JOIN LATERAL (
    SELECT id, created_at FROM jobs
    WHERE scope = $1 AND status = wanted_status AND ($3::text IS NULL OR type = $3)
        AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
        AND ($6::uuid IS NULL OR root_id = $6) AND ($9::text IS NULL OR created_by = $9)
        AND ($7::text IS NULL OR (related_type = $7 AND related_id = $8::text))
        AND (created_at, id) < ($10::timestamptz, $11::uuid) AND created_at >= $12::timestamptz
    ORDER BY created_at DESC, id DESC LIMIT $13
) AS found
ORDER BY found.created_at DESC, found.id DESC LIMIT $13;
