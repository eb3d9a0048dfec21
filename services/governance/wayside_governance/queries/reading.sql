-- Statements that read suggestions and nodes.

-- name: suggestion
-- One suggestion, with the reasoning of the strongest evidence for it.
SELECT found.*, strongest.reasoning
FROM suggestions AS found
LEFT JOIN evidence AS strongest ON strongest.suggestion_id = found.id AND strongest.digest = found.strongest
WHERE found.id = $1;

-- name: scope_of
-- The scope of a suggestion, which never changes.
SELECT scope FROM suggestions WHERE id = $1;

-- name: payload_of
-- What one piece of evidence holds.
SELECT payload FROM evidence WHERE suggestion_id = $1 AND digest = $2;

-- name: latest_evidence
-- The latest evidence of a suggestion, at most $2 pieces, oldest first.
SELECT latest.*
FROM (
    SELECT * FROM evidence WHERE suggestion_id = $1 ORDER BY proposed_at DESC, id DESC LIMIT $2
) AS latest
ORDER BY latest.proposed_at, latest.id;

-- name: decisions_of
-- All decisions on a suggestion, oldest first.
SELECT * FROM decisions WHERE suggestion_id = $1 ORDER BY revision;

-- name: plan_for_these_filters
-- Let the next statements of this transaction be planned for the filters given: a plan for all of them fits none.
SET LOCAL plan_cache_mode = force_custom_plan;

-- name: list_by_confidence
-- A page, the surest first: of each wanted status the first ones, merged.
SELECT page.*, strongest.reasoning
FROM (
    SELECT found.*
    FROM unnest($2::text[]) AS wanted (status)
    CROSS JOIN LATERAL (
        SELECT * FROM suggestions AS one
        WHERE one.scope = $1 AND one.status = wanted.status
          AND one.confidence >= $3 AND one.confidence <= $4
          AND ($5::text IS NULL OR one.from_node_id = $5)
          AND ($6::text IS NULL OR one.to_node_id = $6)
          AND ($7::text IS NULL OR one.from_node_id = $7 OR one.to_node_id = $7)
          AND ($8::text IS NULL OR one.relationship_type = $8)
          AND ($9::text IS NULL OR one.maxima ? $9)
          AND ($10::text IS NULL
               OR one.id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $10)))
          AND (one.confidence, one.id) < ($12::float8, $13::uuid)
        ORDER BY one.confidence DESC, one.id DESC
        LIMIT $11
    ) AS found
    ORDER BY found.confidence DESC, found.id DESC
    LIMIT $11
) AS page
LEFT JOIN evidence AS strongest ON strongest.suggestion_id = page.id AND strongest.digest = page.strongest
ORDER BY page.confidence DESC, page.id DESC;

-- name: list_newest
-- A page, the youngest first: of each wanted status the first ones, merged.
SELECT page.*, strongest.reasoning
FROM (
    SELECT found.*
    FROM unnest($2::text[]) AS wanted (status)
    CROSS JOIN LATERAL (
        SELECT * FROM suggestions AS one
        WHERE one.scope = $1 AND one.status = wanted.status
          AND one.confidence >= $3 AND one.confidence <= $4
          AND ($5::text IS NULL OR one.from_node_id = $5)
          AND ($6::text IS NULL OR one.to_node_id = $6)
          AND ($7::text IS NULL OR one.from_node_id = $7 OR one.to_node_id = $7)
          AND ($8::text IS NULL OR one.relationship_type = $8)
          AND ($9::text IS NULL OR one.maxima ? $9)
          AND ($10::text IS NULL
               OR one.id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $10)))
          AND (one.created_at, one.id) < ($12::timestamptz, $13::uuid)
        ORDER BY one.created_at DESC, one.id DESC
        LIMIT $11
    ) AS found
    ORDER BY found.created_at DESC, found.id DESC
    LIMIT $11
) AS page
LEFT JOIN evidence AS strongest ON strongest.suggestion_id = page.id AND strongest.digest = page.strongest
ORDER BY page.created_at DESC, page.id DESC;

-- name: list_oldest
-- A page, the oldest first: of each wanted status the first ones, merged.
SELECT page.*, strongest.reasoning
FROM (
    SELECT found.*
    FROM unnest($2::text[]) AS wanted (status)
    CROSS JOIN LATERAL (
        SELECT * FROM suggestions AS one
        WHERE one.scope = $1 AND one.status = wanted.status
          AND one.confidence >= $3 AND one.confidence <= $4
          AND ($5::text IS NULL OR one.from_node_id = $5)
          AND ($6::text IS NULL OR one.to_node_id = $6)
          AND ($7::text IS NULL OR one.from_node_id = $7 OR one.to_node_id = $7)
          AND ($8::text IS NULL OR one.relationship_type = $8)
          AND ($9::text IS NULL OR one.maxima ? $9)
          AND ($10::text IS NULL
               OR one.id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $10)))
          AND (one.created_at, one.id) > ($12::timestamptz, $13::uuid)
        ORDER BY one.created_at, one.id
        LIMIT $11
    ) AS found
    ORDER BY found.created_at, found.id
    LIMIT $11
) AS page
LEFT JOIN evidence AS strongest ON strongest.suggestion_id = page.id AND strongest.digest = page.strongest
ORDER BY page.created_at, page.id;

-- name: put_nodes
-- Replace what is known of nodes; one that stays the same is not written.
WITH hashed AS (
    SELECT *, content_hash(label, kind, content) AS content_hash
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS said (id, label, kind, content)
)
INSERT INTO nodes AS stored (scope, id, label, kind, content, content_hash, updated_at)
SELECT $1, id, label, kind, content, content_hash, $6
FROM hashed
ORDER BY id COLLATE "C"
ON CONFLICT (scope, id) DO UPDATE
SET label = excluded.label, kind = excluded.kind, content = excluded.content,
    content_hash = excluded.content_hash, updated_at = excluded.updated_at
WHERE stored.content_hash <> excluded.content_hash
RETURNING stored.id;

-- name: node
-- What is known of a node.
SELECT id, label, kind, content, encode(content_hash, 'hex') AS content_hash, updated_at
FROM nodes
WHERE scope = $1 AND id = $2;
