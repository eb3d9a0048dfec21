-- Statements that move decisions between systems.

-- name: decisions_after
-- Decisions of a scope as they were recorded, behind a moment and an id: at most $4 are looked at.
SELECT decision.*, coalesce(decision.imported_at, decision.reviewed_at) AS recorded_at,
       suggestion.from_node_id, suggestion.to_node_id, suggestion.relationship_type, suggestion.strength,
       suggestion.source_model, suggestion.analysis_run_id, suggestion.proposed_by, strongest.reasoning,
       undone.verdict AS undone_verdict, undone.reviewed_by AS undone_reviewed_by,
       undone.reviewed_at AS undone_reviewed_at,
       coalesce(suggestion.decision_id = decision.id, false)
       OR (decision.verdict = 'endorse' AND decision.reviewed_by = ANY(suggestion.endorsed_by)) AS in_force
FROM (
    SELECT *
    FROM decisions
    WHERE scope = $1 AND (coalesce(imported_at, reviewed_at), id) > ($2::timestamptz, $3::uuid)
    ORDER BY coalesce(imported_at, reviewed_at), id
    LIMIT $4
) AS decision
JOIN suggestions AS suggestion ON suggestion.id = decision.suggestion_id
LEFT JOIN evidence AS strongest
       ON strongest.suggestion_id = suggestion.id AND strongest.digest = suggestion.strongest
LEFT JOIN decisions AS undone
       ON undone.suggestion_id = decision.suggestion_id AND undone.revision < decision.revision
      AND undone.id = decision.undoes
ORDER BY recorded_at, decision.id;

-- name: same_decisions
-- Which of some decisions, each given by suggestion, verdict, reviewer and time, there are; $1 are their places. An approval
-- is recorded as an endorsement where it was the first of two.
SELECT DISTINCT ON (given.place) given.place, known.id
FROM unnest($1::integer[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])
     AS given (place, suggestion_id, verdict, reviewed_by, reviewed_at)
JOIN decisions AS known
  ON known.suggestion_id = given.suggestion_id AND known.reviewed_by = given.reviewed_by
 AND known.reviewed_at = given.reviewed_at
 AND (known.verdict = given.verdict OR (known.verdict = 'endorse' AND given.verdict = 'approve'))
ORDER BY given.place, known.revision DESC;

-- name: types_of_two_approvals
-- Those of some types of relationships that need two approvals.
SELECT name FROM relationship_types WHERE scope = $1 AND name = ANY($2::text[]) AND required_approvals > 1;
