-- Statements of decisions, each for a whole batch. Suggestions are locked first, in the order of their claims; a
-- revision is compared again when it is written.

-- name: lock_suggestions
-- Suggestions, for decisions, in the order in which everybody locks.
SELECT *
FROM suggestions AS stored
WHERE stored.id = ANY($1::uuid[])
ORDER BY stored.scope, stored.from_node_id, stored.to_node_id, stored.relationship_type
FOR NO KEY UPDATE;

-- name: lock_with_linked
-- Suggestions $1, with pending rivals of those in $2, and with what the latest decisions on those in $3 superseded. Of each, at
-- most $4 of those from its node by its type, itself among them.
SELECT *
FROM suggestions AS stored
WHERE stored.id = ANY(ARRAY(
    SELECT unnest($1::uuid[])
    UNION
    SELECT rival.id
    FROM suggestions AS one
    JOIN relationship_types AS type ON type.scope = one.scope AND type.name = one.relationship_type
    CROSS JOIN LATERAL (
        SELECT id
        FROM suggestions
        WHERE scope = one.scope AND from_node_id = one.from_node_id AND status = 'pending'
          AND relationship_type = one.relationship_type
        LIMIT $4
    ) AS rival
    WHERE one.id = ANY($2::uuid[]) AND type.is_functional
    UNION
    SELECT made.suggestion_id
    FROM suggestions AS one
    JOIN decisions AS made ON made.linked_to = one.decision_id
    WHERE one.id = ANY($3::uuid[]) AND made.verdict = 'supersede'
))
ORDER BY stored.scope, stored.from_node_id, stored.to_node_id, stored.relationship_type
FOR NO KEY UPDATE;

-- name: facts
-- What verdicts depend on beside their suggestions, which are locked by now; $2 are the reasons where a scope names none, and
-- $3 is of how many payloads, the latest, a rejection takes note.
SELECT asked.id, statement_timestamp() AS at,
       asked.verdict = 'approve' AND (EXISTS (
           SELECT FROM evidence
           WHERE evidence.suggestion_id = asked.id
             AND asked.reviewed_by IN (evidence.proposed_by, evidence.on_behalf_of)
       ) OR EXISTS (
           SELECT FROM suppressed_proposers AS said
           WHERE said.suggestion_id = asked.id AND said.proposed_by = asked.reviewed_by
       )) AS has_proposed,
       CASE WHEN asked.verdict = 'approve' AND type.required_approvals > 1 THEN ARRAY(
           SELECT endorser
           FROM suggestions AS stored, unnest(stored.endorsed_by) AS endorser
           WHERE stored.id = asked.id AND (EXISTS (
               SELECT FROM evidence
               WHERE evidence.suggestion_id = stored.id AND endorser IN (evidence.proposed_by, evidence.on_behalf_of)
           ) OR EXISTS (
               SELECT FROM suppressed_proposers AS said
               WHERE said.suggestion_id = stored.id AND said.proposed_by = endorser
           ))
       ) END AS endorsers_that_proposed,
       CASE asked.verdict WHEN 'reject' THEN
           ARRAY(
               SELECT payload_hash FROM evidence WHERE evidence.suggestion_id = asked.id
               GROUP BY payload_hash
               ORDER BY max(proposed_at) DESC, payload_hash
               LIMIT $3
           )
       END AS payload_hashes,
       from_node.content_hash AS from_hash,
       to_node.content_hash AS to_hash,
       coalesce(type.is_functional, false) AS is_functional,
       coalesce(type.required_approvals, 1) AS required_approvals,
       CASE WHEN type.is_functional AND asked.verdict = 'approve' THEN (
           SELECT edge.id
           FROM edges AS edge
           WHERE edge.scope = asked.scope AND edge.from_node_id = asked.from_node_id
             AND edge.relationship_type = asked.relationship_type AND edge.to_node_id <> asked.to_node_id
           LIMIT 1
       ) END AS rival_edge_id,
       CASE
           WHEN asked.verdict <> 'reject' THEN NULL
           WHEN coalesce(asked.reason_code, '') = ANY(coalesce(settings.reason_codes, $2::text[])) THEN NULL
           ELSE coalesce(settings.reason_codes, $2::text[])
       END AS allowed_reasons,
       CASE asked.verdict WHEN 'undo' THEN
           statement_timestamp() + make_interval(secs => settings.pending_ttl_seconds)
       END AS expires_at
FROM unnest($1::asked_verdict[]) AS asked
LEFT JOIN relationship_types AS type ON type.scope = asked.scope AND type.name = asked.relationship_type
LEFT JOIN scope_settings AS settings ON settings.scope = asked.scope
LEFT JOIN nodes AS from_node
       ON asked.needs_nodes AND from_node.scope = asked.scope AND from_node.id = asked.from_node_id
LEFT JOIN nodes AS to_node
       ON asked.needs_nodes AND to_node.scope = asked.scope AND to_node.id = asked.to_node_id;

-- name: latest_decisions
-- The latest decision on each of some suggestions, with what it superseded.
SELECT latest.suggestion_id, latest.id, latest.verdict, latest.edge_id, latest.fingerprints,
       ARRAY(SELECT suggestion_id FROM decisions
             WHERE linked_to = latest.id AND verdict = 'supersede' ORDER BY suggestion_id) AS linked_suggestions,
       ARRAY(SELECT id FROM decisions
             WHERE linked_to = latest.id AND verdict = 'supersede' ORDER BY suggestion_id) AS linked_decisions
FROM unnest($1::uuid[]) AS undone (id)
CROSS JOIN LATERAL (
    SELECT * FROM decisions WHERE suggestion_id = undone.id ORDER BY revision DESC LIMIT 1
) AS latest;

-- name: statements_of
-- What all evidence of some suggestions states, oldest first, without what it rests on.
SELECT suggestion_id, id, digest, payload_hash, source_model, analysis_run_id, confidence, strength, proposed_by,
       proposed_at
FROM evidence
WHERE suggestion_id = ANY($1::uuid[])
ORDER BY suggestion_id, proposed_at, id;

-- name: insert_edges
-- Bring edges into being, in an order that all batches have; returns those that nothing stood in the way of.
INSERT INTO edges (
    id, scope, from_node_id, to_node_id, relationship_type, revision, confidence, strength, suggestion_id,
    decision_id, created_by, is_functional, created_at
)
SELECT *, $2::timestamptz
FROM unnest($1::new_edge[]) AS new
ORDER BY new.scope COLLATE "C", new.from_node_id COLLATE "C", new.relationship_type COLLATE "C",
         new.to_node_id COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING id;

-- name: edges_in_the_way
-- The edge of each claim ($1 scopes, $2 ends, $3 other ends, $4 types), or else one of the same end and type.
SELECT DISTINCT ON (claim.scope, claim.from_node_id, claim.to_node_id, claim.relationship_type)
       claim.scope, claim.from_node_id, claim.to_node_id, claim.relationship_type,
       edge.id, edge.to_node_id = claim.to_node_id AS is_same
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
     AS claim (scope, from_node_id, to_node_id, relationship_type)
JOIN edges AS edge
  ON edge.scope = claim.scope AND edge.from_node_id = claim.from_node_id
 AND edge.relationship_type = claim.relationship_type
 AND (edge.to_node_id = claim.to_node_id OR edge.is_functional)
ORDER BY claim.scope, claim.from_node_id, claim.to_node_id, claim.relationship_type, is_same DESC;

-- name: delete_edges
-- Remove edges that nobody changed since they were made.
DELETE FROM edges
USING unnest($1::uuid[]) AS retracted (id)
WHERE edges.id = retracted.id AND edges.revision = $2
RETURNING edges.*;

-- name: is_functional
-- Whether of the type of a suggestion a node has one edge only.
SELECT EXISTS (
    SELECT FROM suggestions AS one
    JOIN relationship_types AS type ON type.scope = one.scope AND type.name = one.relationship_type
    WHERE one.id = $1 AND type.is_functional
);

-- name: rivals_of
-- Suggestions of the same type from the same node as another one, after the node $2 that they lead to.
SELECT rival.*, strongest.reasoning
FROM suggestions AS one
JOIN suggestions AS rival
  ON rival.scope = one.scope AND rival.from_node_id = one.from_node_id
 AND rival.relationship_type = one.relationship_type AND rival.to_node_id > $2 AND rival.id <> one.id
LEFT JOIN evidence AS strongest ON strongest.suggestion_id = rival.id AND strongest.digest = rival.strongest
WHERE one.id = $1
ORDER BY rival.to_node_id
LIMIT $3;

-- name: write_decisions
-- Append verdicts, write what they make of their suggestions, and tell of it to the audit ($2) and in events ($3, $4).
-- What was shown is kept as the suggestion has it.
WITH written AS (
    UPDATE suggestions AS stored
    SET status = new.status, revision = new.revision, updated_at = coalesce(new.imported_at, new.reviewed_at),
        decision_id = CASE WHEN new.status <> 'pending' THEN new.id END,
        edge_id = CASE WHEN new.status = 'approved' THEN new.edge_id END,
        reviewed_by = CASE WHEN new.status <> 'pending' THEN new.reviewed_by END,
        reviewed_at = CASE WHEN new.status <> 'pending' THEN new.reviewed_at END,
        reason_code = CASE WHEN new.status <> 'pending' THEN new.reason_code END,
        endorsed_by = coalesce(new.endorsed_by, stored.endorsed_by),
        remembered = coalesce(new.remembered, stored.remembered),
        expires_at = CASE WHEN new.verdict = 'undo' THEN new.expires_at ELSE stored.expires_at END
    FROM unnest($1::new_decision[]) AS new
    WHERE stored.id = new.suggestion_id AND stored.revision = new.revision - 1
    RETURNING stored.scope, stored.confidence, stored.evidence_count, stored.maxima, new.*
),
appended AS (
    INSERT INTO decisions (
        suggestion_id, revision, id, scope, verdict, reviewed_by, reviewed_at, reason_code, note, confidence_shown,
        evidence_shown, sources_shown, policy_id, policy_version, bulk_id, linked_to, imported_at,
        time_taken_seconds, edge_id, undoes, fingerprints
    )
    SELECT suggestion_id, revision, id, scope, verdict, reviewed_by, reviewed_at, reason_code, note, confidence,
           evidence_count, maxima, policy_id, policy_version, bulk_id, linked_to, imported_at, time_taken_seconds,
           edge_id, undoes, fingerprints
    FROM written
    RETURNING 1
),
told AS (
    INSERT INTO outbox (events, messages) SELECT * FROM unnest($3::integer[], $4::bytea[])
)
SELECT (SELECT count(*) FROM appended) AS appended, append_audit($2::new_audit_entry[]) AS audited;

-- name: write_standings
-- Write what the evidence says of suggestions that this transaction has locked.
UPDATE suggestions AS stored
SET confidence = new.confidence, strength = new.strength, evidence_count = new.evidence_count,
    maxima = new.maxima::jsonb, strongest = new.strongest, source_model = new.source_model,
    analysis_run_id = new.analysis_run_id, proposed_by = new.proposed_by
FROM unnest($1::new_standing[]) AS new
WHERE stored.id = new.id;
