-- Lists, newest first: one statement per index, so that each has one plan. Times are the database's; `$n` are values.
--
-- Each walks its index from a place on, through at most 1000 entries (of each status, where the index has it), and shows
-- those that all filters let through. It also shows the last entry of a walk that was cut off: there the next page begins.
--
-- $1 scope, $2 statuses, $3 type, $4 session, $5 parent, $6 root, $7 and $8 related, $9 creator, $10 unique key, $11 id;
-- $12 and $13 the place to go on from, $14 from when on, $15 how many.

-- name: list_by_id
-- One job.
SELECT walked.id::text AS id, created_at, is_match, number = 1000 AS is_last FROM (
    SELECT id, created_at, status = ANY($2::text[]) AND ($3::text IS NULL OR type = $3)
            AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
            AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR related_type = $7)
            AND ($8::text IS NULL OR related_id = $8) AND ($9::text IS NULL OR created_by = $9)
            AND ($10::text IS NULL OR unique_key = $10) AND ($11::uuid IS NULL OR id = $11) AS is_match,
        row_number() OVER (ORDER BY created_at DESC, id DESC) AS number
    FROM jobs WHERE id = $11 AND scope = $1
        AND (created_at, id) < ($12::timestamptz, $13::uuid) AND created_at >= $14::timestamptz
    ORDER BY created_at DESC, id DESC LIMIT 1000
) AS walked
WHERE is_match OR number = 1000
ORDER BY created_at DESC, walked.id DESC LIMIT $15;

-- name: list_by_parent
-- Children of a job.
SELECT found.id::text AS id, created_at, is_match, is_last FROM (
    SELECT walked.id, walked.created_at, walked.is_match, walked.number = 1000 AS is_last
    FROM unnest($2::text[]) AS wanted_status CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT id, created_at, status = ANY($2::text[]) AND ($3::text IS NULL OR type = $3)
                    AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
                    AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR related_type = $7)
                    AND ($8::text IS NULL OR related_id = $8) AND ($9::text IS NULL OR created_by = $9)
                    AND ($10::text IS NULL OR unique_key = $10) AND ($11::uuid IS NULL OR id = $11) AS is_match,
                row_number() OVER (ORDER BY created_at DESC, id DESC) AS number
            FROM jobs WHERE parent_id = $5 AND status = wanted_status AND scope = $1
                AND (created_at, id) < ($12::timestamptz, $13::uuid) AND created_at >= $14::timestamptz
            ORDER BY created_at DESC, id DESC LIMIT 1000
        ) AS each WHERE is_match OR number = 1000
        ORDER BY created_at DESC, id DESC LIMIT $15
    ) AS walked
) AS found
ORDER BY created_at DESC, found.id DESC LIMIT $15;

-- name: list_by_root
-- Jobs of a tree.
SELECT walked.id::text AS id, created_at, is_match, number = 1000 AS is_last FROM (
    SELECT id, created_at, status = ANY($2::text[]) AND ($3::text IS NULL OR type = $3)
            AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
            AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR related_type = $7)
            AND ($8::text IS NULL OR related_id = $8) AND ($9::text IS NULL OR created_by = $9)
            AND ($10::text IS NULL OR unique_key = $10) AND ($11::uuid IS NULL OR id = $11) AS is_match,
        row_number() OVER (ORDER BY created_at DESC, id DESC) AS number
    FROM jobs WHERE root_id = $6 AND scope = $1
        AND (created_at, id) < ($12::timestamptz, $13::uuid) AND created_at >= $14::timestamptz
    ORDER BY created_at DESC, id DESC LIMIT 1000
) AS walked
WHERE is_match OR number = 1000
ORDER BY created_at DESC, walked.id DESC LIMIT $15;

-- name: list_by_related
-- Jobs about one thing.
SELECT walked.id::text AS id, created_at, is_match, number = 1000 AS is_last FROM (
    SELECT id, created_at, status = ANY($2::text[]) AND ($3::text IS NULL OR type = $3)
            AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
            AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR related_type = $7)
            AND ($8::text IS NULL OR related_id = $8) AND ($9::text IS NULL OR created_by = $9)
            AND ($10::text IS NULL OR unique_key = $10) AND ($11::uuid IS NULL OR id = $11) AS is_match,
        row_number() OVER (ORDER BY created_at DESC, id DESC) AS number
    FROM jobs WHERE scope = $1 AND related_id = $8
        AND (created_at, id) < ($12::timestamptz, $13::uuid) AND created_at >= $14::timestamptz
    ORDER BY created_at DESC, id DESC LIMIT 1000
) AS walked
WHERE is_match OR number = 1000
ORDER BY created_at DESC, walked.id DESC LIMIT $15;

-- name: list_by_session
-- Jobs of a session.
SELECT walked.id::text AS id, created_at, is_match, number = 1000 AS is_last FROM (
    SELECT id, created_at, status = ANY($2::text[]) AND ($3::text IS NULL OR type = $3)
            AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
            AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR related_type = $7)
            AND ($8::text IS NULL OR related_id = $8) AND ($9::text IS NULL OR created_by = $9)
            AND ($10::text IS NULL OR unique_key = $10) AND ($11::uuid IS NULL OR id = $11) AS is_match,
        row_number() OVER (ORDER BY created_at DESC, id DESC) AS number
    FROM jobs WHERE scope = $1 AND session_id = $4
        AND (created_at, id) < ($12::timestamptz, $13::uuid) AND created_at >= $14::timestamptz
    ORDER BY created_at DESC, id DESC LIMIT 1000
) AS walked
WHERE is_match OR number = 1000
ORDER BY created_at DESC, walked.id DESC LIMIT $15;

-- name: list_by_unique_key
-- Jobs that had a unique key.
SELECT walked.id::text AS id, created_at, is_match, number = 1000 AS is_last FROM (
    SELECT id, created_at, status = ANY($2::text[]) AND ($3::text IS NULL OR type = $3)
            AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
            AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR related_type = $7)
            AND ($8::text IS NULL OR related_id = $8) AND ($9::text IS NULL OR created_by = $9)
            AND ($10::text IS NULL OR unique_key = $10) AND ($11::uuid IS NULL OR id = $11) AS is_match,
        row_number() OVER (ORDER BY created_at DESC, id DESC) AS number
    FROM jobs WHERE scope = $1 AND unique_key = $10
        AND (created_at, id) < ($12::timestamptz, $13::uuid) AND created_at >= $14::timestamptz
    ORDER BY created_at DESC, id DESC LIMIT 1000
) AS walked
WHERE is_match OR number = 1000
ORDER BY created_at DESC, walked.id DESC LIMIT $15;

-- name: list_by_creator
-- Jobs somebody created.
SELECT found.id::text AS id, created_at, is_match, is_last FROM (
    SELECT walked.id, walked.created_at, walked.is_match, walked.number = 1000 AS is_last
    FROM unnest($2::text[]) AS wanted_status CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT id, created_at, status = ANY($2::text[]) AND ($3::text IS NULL OR type = $3)
                    AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
                    AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR related_type = $7)
                    AND ($8::text IS NULL OR related_id = $8) AND ($9::text IS NULL OR created_by = $9)
                    AND ($10::text IS NULL OR unique_key = $10) AND ($11::uuid IS NULL OR id = $11) AS is_match,
                row_number() OVER (ORDER BY created_at DESC, id DESC) AS number
            FROM jobs WHERE scope = $1 AND created_by = $9 AND status = wanted_status
                AND (created_at, id) < ($12::timestamptz, $13::uuid) AND created_at >= $14::timestamptz
            ORDER BY created_at DESC, id DESC LIMIT 1000
        ) AS each WHERE is_match OR number = 1000
        ORDER BY created_at DESC, id DESC LIMIT $15
    ) AS walked
) AS found
ORDER BY created_at DESC, found.id DESC LIMIT $15;

-- name: list_by_type
-- Jobs of a type: the active ones among all that are active, for they are few.
SELECT found.id::text AS id, created_at, is_match, is_last FROM (
    SELECT walked.id, walked.created_at, walked.is_match, walked.number = 1000 AS is_last
    FROM unnest($2::text[]) AS wanted_status CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT id, created_at, status = ANY($2::text[]) AND ($3::text IS NULL OR type = $3)
                    AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
                    AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR related_type = $7)
                    AND ($8::text IS NULL OR related_id = $8) AND ($9::text IS NULL OR created_by = $9)
                    AND ($10::text IS NULL OR unique_key = $10) AND ($11::uuid IS NULL OR id = $11) AS is_match,
                row_number() OVER (ORDER BY created_at DESC, id DESC) AS number
            FROM jobs WHERE scope = $1 AND status = wanted_status AND status IN ('queued', 'running')
                AND (created_at, id) < ($12::timestamptz, $13::uuid) AND created_at >= $14::timestamptz
            ORDER BY created_at DESC, id DESC LIMIT 1000
        ) AS each WHERE is_match OR number = 1000
        ORDER BY created_at DESC, id DESC LIMIT $15
    ) AS walked
    UNION ALL
    SELECT walked.id, walked.created_at, walked.is_match, walked.number = 1000 AS is_last
    FROM unnest($2::text[]) AS wanted_status CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT id, created_at, status = ANY($2::text[]) AND ($3::text IS NULL OR type = $3)
                    AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
                    AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR related_type = $7)
                    AND ($8::text IS NULL OR related_id = $8) AND ($9::text IS NULL OR created_by = $9)
                    AND ($10::text IS NULL OR unique_key = $10) AND ($11::uuid IS NULL OR id = $11) AS is_match,
                row_number() OVER (ORDER BY created_at DESC, id DESC) AS number
            FROM jobs WHERE scope = $1 AND type = $3 AND status = wanted_status AND finished_at IS NOT NULL
                AND (created_at, id) < ($12::timestamptz, $13::uuid) AND created_at >= $14::timestamptz
            ORDER BY created_at DESC, id DESC LIMIT 1000
        ) AS each WHERE is_match OR number = 1000
        ORDER BY created_at DESC, id DESC LIMIT $15
    ) AS walked
) AS found
ORDER BY created_at DESC, found.id DESC LIMIT $15;

-- name: list_by_status
-- Jobs of a scope.
SELECT found.id::text AS id, created_at, is_match, is_last FROM (
    SELECT walked.id, walked.created_at, walked.is_match, walked.number = 1000 AS is_last
    FROM unnest($2::text[]) AS wanted_status CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT id, created_at, status = ANY($2::text[]) AND ($3::text IS NULL OR type = $3)
                    AND ($4::text IS NULL OR session_id = $4) AND ($5::uuid IS NULL OR parent_id = $5)
                    AND ($6::uuid IS NULL OR root_id = $6) AND ($7::text IS NULL OR related_type = $7)
                    AND ($8::text IS NULL OR related_id = $8) AND ($9::text IS NULL OR created_by = $9)
                    AND ($10::text IS NULL OR unique_key = $10) AND ($11::uuid IS NULL OR id = $11) AS is_match,
                row_number() OVER (ORDER BY created_at DESC, id DESC) AS number
            FROM jobs WHERE scope = $1 AND status = wanted_status
                AND (created_at, id) < ($12::timestamptz, $13::uuid) AND created_at >= $14::timestamptz
            ORDER BY created_at DESC, id DESC LIMIT 1000
        ) AS each WHERE is_match OR number = 1000
        ORDER BY created_at DESC, id DESC LIMIT $15
    ) AS walked
) AS found
ORDER BY created_at DESC, found.id DESC LIMIT $15;
