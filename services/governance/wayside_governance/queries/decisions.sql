-- Statements of decisions. The suggestion's row is locked first, and its revision is compared again when it is written.

-- name: lock_suggestion
-- A suggestion, for a decision.
SELECT * FROM suggestions WHERE id = $1 FOR NO KEY UPDATE;

-- name: has_proposed
-- Whether a subject proposed any of a suggestion's evidence.
SELECT EXISTS (SELECT FROM evidence WHERE suggestion_id = $1 AND proposed_by = $2);

-- name: statements_of
-- What all evidence of a suggestion states, oldest first, without what it rests on.
SELECT id, digest, payload_hash, source_model, analysis_run_id, confidence, strength, proposed_by, proposed_at
FROM evidence
WHERE suggestion_id = $1
ORDER BY proposed_at, id;

-- name: payload_hashes
-- What the evidence of a suggestion contributes to fingerprints.
SELECT DISTINCT payload_hash FROM evidence WHERE suggestion_id = $1;

-- name: decision_at
-- The decision that brought a suggestion to a revision.
SELECT * FROM decisions WHERE suggestion_id = $1 AND revision = $2;

-- name: write_decided
-- Write a decided suggestion, if it still has the revision that was decided on.
UPDATE suggestions
SET status = $3, revision = $4, confidence = $5, strength = $6, evidence_count = $7, maxima = $8, strongest = $9,
    source_model = $10, analysis_run_id = $11, proposed_by = $12, decision_id = $13, edge_id = $14,
    reviewed_by = $15, reviewed_at = $16, reason_code = $17, remembered = $18, updated_at = $19
WHERE id = $1 AND revision = $2;

-- name: append_decision
-- Append a verdict.
INSERT INTO decisions (
    suggestion_id, revision, id, scope, verdict, reviewed_by, reviewed_at, reason_code, note, confidence_shown,
    evidence_shown, time_taken_seconds, edge_id, undoes, fingerprints
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

-- name: insert_edge
-- Bring an edge into being, unless the claim has one.
INSERT INTO edges (
    id, scope, from_node_id, to_node_id, relationship_type, revision, confidence, strength, suggestion_id,
    decision_id, created_by, created_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (scope, from_node_id, to_node_id, relationship_type) DO NOTHING;

-- name: delete_edge
-- Remove an edge that nobody changed since it was made.
DELETE FROM edges WHERE id = $1 AND revision = $2 RETURNING *;
