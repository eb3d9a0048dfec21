-- Statements of the intake. Each handles a whole batch; claims are locked in one order, so that batches never deadlock.

-- name: merge_nodes
-- Keep what is said of nodes: what is not said stays, and a node that stays the same is neither written nor locked.
INSERT INTO nodes AS stored (scope, id, label, kind, content, content_hash, updated_at)
SELECT $1, said.id, said.label, said.kind, said.content, content_hash(said.label, said.kind, said.content), $6
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS said (id, label, kind, content)
LEFT JOIN nodes AS known ON known.scope = $1 AND known.id = said.id
WHERE known.id IS NULL
   OR said.label IS NOT NULL AND said.label IS DISTINCT FROM known.label
   OR said.kind IS NOT NULL AND said.kind IS DISTINCT FROM known.kind
   OR said.content IS NOT NULL AND said.content IS DISTINCT FROM known.content
ORDER BY said.id COLLATE "C"
ON CONFLICT (scope, id) DO UPDATE
SET label = coalesce(excluded.label, stored.label),
    kind = coalesce(excluded.kind, stored.kind),
    content = coalesce(excluded.content, stored.content),
    content_hash = content_hash(
        coalesce(excluded.label, stored.label),
        coalesce(excluded.kind, stored.kind),
        coalesce(excluded.content, stored.content)
    ),
    updated_at = excluded.updated_at;

-- name: insert_suggestions
-- Insert new claims in the order given and return their ids; those that exist are locked instead.
INSERT INTO suggestions AS stored (
    id, scope, from_node_id, to_node_id, relationship_type, status, revision, confidence, strength, evidence_count,
    maxima, strongest, source_model, analysis_run_id, proposed_by, created_at, updated_at, expires_at, is_unevaluated
)
SELECT id, $1, from_node_id, to_node_id, relationship_type, 'pending', revision, confidence, strength,
       evidence_count, maxima::jsonb, strongest, source_model, analysis_run_id, proposed_by, $3, $3, $4,
       (SELECT count(*) > 0 FROM policies AS policy WHERE policy.scope = $1 AND policy.state = 'enabled')
FROM unnest($2::new_suggestion[]) WITH ORDINALITY AS new (
    id, from_node_id, to_node_id, relationship_type, revision, confidence, strength, evidence_count,
    maxima, strongest, source_model, analysis_run_id, proposed_by, position
)
ORDER BY position
ON CONFLICT (scope, from_node_id, to_node_id, relationship_type) DO UPDATE
SET revision = stored.revision WHERE false
RETURNING id;

-- name: suggestions_of_claims
-- The suggestions of claims that this transaction has locked.
-- Each is looked up alone, by comparing rows: by equations, any index that begins with the scope seems as good as that of
-- claims as long as there are no statistics, and a join read the whole scope for every claim.
SELECT stored.id, stored.scope, stored.from_node_id, stored.to_node_id, stored.relationship_type, stored.status,
       stored.revision, stored.confidence, stored.strength, stored.evidence_count, stored.maxima, stored.strongest,
       stored.source_model, stored.analysis_run_id, stored.proposed_by, stored.decision_id, stored.edge_id,
       stored.reviewed_by, stored.reviewed_at, stored.reason_code, stored.remembered, stored.suppressed_count,
       stored.endorsed_by, stored.created_at, stored.updated_at
FROM unnest($2::text[], $3::text[], $4::text[]) AS claim (from_node_id, to_node_id, relationship_type)
CROSS JOIN LATERAL (
    SELECT *
    FROM suggestions AS one
    WHERE (one.from_node_id, one.scope, one.relationship_type, one.to_node_id)
          >= (claim.from_node_id, $1, claim.relationship_type, claim.to_node_id)
      AND (one.from_node_id, one.scope, one.relationship_type, one.to_node_id)
          <= (claim.from_node_id, $1, claim.relationship_type, claim.to_node_id)
    OFFSET 0
) AS stored;

-- name: known_evidence
-- Which of the given pieces of evidence there are.
SELECT given.suggestion_id, given.digest
FROM unnest($1::uuid[], $2::bytea[]) AS given (suggestion_id, digest)
WHERE (
    SELECT true FROM evidence WHERE evidence.suggestion_id = given.suggestion_id AND evidence.digest = given.digest LIMIT 1
);

-- name: content_hashes
-- The content hashes of nodes.
SELECT id, content_hash FROM nodes WHERE scope = $1 AND id = ANY($2::text[]);

-- name: update_suggestions
-- Write what proposals made of suggestions that this transaction has locked.
UPDATE suggestions AS stored
SET status = new.status, revision = new.revision, confidence = new.confidence, strength = new.strength,
    evidence_count = new.evidence_count, maxima = new.maxima::jsonb, strongest = new.strongest,
    source_model = new.source_model, analysis_run_id = new.analysis_run_id, proposed_by = new.proposed_by,
    suppressed_count = new.suppressed_count, updated_at = new.updated_at,
    decision_id = CASE WHEN new.is_reopened THEN NULL ELSE stored.decision_id END,
    reviewed_by = CASE WHEN new.is_reopened THEN NULL ELSE stored.reviewed_by END,
    reviewed_at = CASE WHEN new.is_reopened THEN NULL ELSE stored.reviewed_at END,
    reason_code = CASE WHEN new.is_reopened THEN NULL ELSE stored.reason_code END,
    endorsed_by = CASE WHEN new.is_reopened THEN '{}' ELSE stored.endorsed_by END,
    expires_at = CASE WHEN new.is_reopened THEN $2 ELSE stored.expires_at END,
    is_unevaluated = new.status = 'pending' AND EXISTS (
        SELECT FROM policies AS policy WHERE policy.scope = stored.scope AND policy.state = 'enabled'
    )
FROM unnest($1::changed_suggestion[]) AS new
WHERE stored.id = new.id;

-- name: insert_evidence
-- Keep new evidence.
INSERT INTO evidence (
    suggestion_id, digest, id, payload_hash, source_model, analysis_run_id, confidence, strength, reasoning,
    payload, proposed_by, on_behalf_of, proposed_at
)
SELECT suggestion_id, digest, id, payload_hash, source_model, analysis_run_id, confidence, strength, reasoning,
       payload::json, proposed_by, on_behalf_of, $2
FROM unnest($1::new_evidence[]);

-- name: keep_content
-- Note that suggestions have content again, which retention dropped before.
UPDATE suggestions SET keeps_content = true WHERE id = ANY($1::uuid[]) AND NOT keeps_content;

-- name: note_suppressed
-- Remember who proposed what was answered already: $1 suggestions, $2 proposers, $3 how often.
INSERT INTO suppressed_proposers AS known (suggestion_id, proposed_by, times, last_at)
SELECT *, $4 FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS said (suggestion_id, proposed_by, times)
ON CONFLICT (suggestion_id, proposed_by) DO UPDATE
SET times = known.times + excluded.times, last_at = excluded.last_at;

-- name: known_nodes
-- Which of some nodes something is known of.
SELECT id FROM nodes WHERE scope = $1 AND id = ANY($2::text[]);
