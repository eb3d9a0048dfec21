-- Statements of what ends: waiting too long, being taken back, and the time for which contents are kept.

-- name: scopes
-- Scopes after $1 that let suggestions expire, or have contents dropped.
SELECT * FROM scope_settings
WHERE scope > $1 AND (pending_ttl_seconds IS NOT NULL OR retention <> '{}')
ORDER BY scope
LIMIT $2;

-- name: try_lock
-- Whether no other instance is at it; nobody else is until the commit.
SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0));

-- name: due
-- At most $3 pending suggestions of scope $1 whose time is over: the one set when they began to wait, or, should the scope
-- give $2 seconds by now, that time since they were last changed.
SELECT id, revision
FROM (
    (
        SELECT id, revision FROM suggestions
        WHERE scope = $1 AND status = 'pending' AND expires_at <= statement_timestamp()
        ORDER BY expires_at
        LIMIT $3
    )
    UNION
    (
        SELECT id, revision FROM suggestions
        WHERE scope = $1 AND status = 'pending' AND created_at <= statement_timestamp() - make_interval(secs => $2)
          AND updated_at <= statement_timestamp() - make_interval(secs => $2)
        ORDER BY created_at, id
        LIMIT $3
    )
) AS late
LIMIT $3;

-- name: drop_content
-- Empty notes, reasoning and payloads of at most $4 suggestions of a scope that have been in status $2 for $3 seconds.
WITH due AS MATERIALIZED (
    SELECT id FROM suggestions
    WHERE scope = $1 AND status = $2 AND status <> 'pending' AND keeps_content
      AND updated_at <= statement_timestamp() - make_interval(secs => $3)
    ORDER BY updated_at
    LIMIT $4
    FOR NO KEY UPDATE SKIP LOCKED
),
emptied AS (
    UPDATE evidence SET payload = NULL, reasoning = NULL
    WHERE suggestion_id = ANY(ARRAY(SELECT id FROM due)) AND (payload IS NOT NULL OR reasoning IS NOT NULL)
    RETURNING 1
),
silenced AS (
    UPDATE decisions SET note = NULL
    WHERE suggestion_id = ANY(ARRAY(SELECT id FROM due)) AND note IS NOT NULL
    RETURNING 1
),
noted AS (
    UPDATE suggestions SET keeps_content = false WHERE id = ANY(ARRAY(SELECT id FROM due)) RETURNING 1
)
SELECT (SELECT count(*) FROM noted) AS suggestions, (SELECT count(*) FROM emptied) AS evidence,
       (SELECT count(*) FROM silenced) AS notes, statement_timestamp() AS at;

-- name: drop_bulk_notes
-- Empty the notes of at most $3 bulks of a scope that were over $2 seconds ago; returns how many, and when.
WITH due AS MATERIALIZED (
    SELECT id FROM bulks
    WHERE scope = $1 AND note IS NOT NULL AND finished_at <= statement_timestamp() - make_interval(secs => $2)
    ORDER BY finished_at
    LIMIT $3
    FOR NO KEY UPDATE SKIP LOCKED
),
silenced AS (
    UPDATE bulks SET note = NULL WHERE id = ANY(ARRAY(SELECT id FROM due)) RETURNING 1
)
SELECT count(*) AS notes, statement_timestamp() AS at FROM silenced;

-- name: of_run
-- The first $4 suggestions of scope $1 after $3 that a run proposed.
SELECT id FROM suggestions
WHERE scope = $1 AND id = ANY(ARRAY(
    SELECT DISTINCT suggestion_id FROM evidence
    WHERE analysis_run_id = $2 AND suggestion_id > $3
    ORDER BY suggestion_id
    LIMIT $4
))
ORDER BY id;

-- name: last_of_run
-- The last of those, in whatever scope, if there may be more.
SELECT suggestion_id FROM (
    SELECT DISTINCT suggestion_id FROM evidence
    WHERE analysis_run_id = $1 AND suggestion_id > $2
    ORDER BY suggestion_id
    LIMIT $3
) AS found
ORDER BY suggestion_id
OFFSET $3 - 1;

-- name: lock
-- Lock suggestions of a scope in the order in which everybody does.
SELECT id FROM suggestions
WHERE id = ANY($2::uuid[]) AND scope = $1
ORDER BY scope, from_node_id, to_node_id, relationship_type
FOR NO KEY UPDATE;

-- name: shares
-- Of suggestions, whether $2 proposed any evidence, and whether there is some by others or, where $3 is a run, of others.
SELECT wanted.id,
       EXISTS (
           SELECT FROM evidence AS piece
           WHERE piece.suggestion_id = wanted.id AND $2 IN (piece.proposed_by, piece.on_behalf_of)
           OFFSET 0
       ) AS is_own,
       EXISTS (
           SELECT FROM evidence AS piece
           WHERE piece.suggestion_id = wanted.id
             AND (
                 $2 NOT IN (piece.proposed_by, coalesce(piece.on_behalf_of, piece.proposed_by))
                 OR ($3::text IS NOT NULL AND piece.analysis_run_id IS DISTINCT FROM $3)
             )
           OFFSET 0
       ) AS has_others
FROM unnest($1::uuid[]) AS wanted (id);
