-- Statements of the calibration report: one walk along an index each, over at most $n judgements.

-- name: calibration
-- The $7 largest groups of type and source by bins of confidence ($6 of them), of the latest $8 judgements in a time.
WITH cells AS (
    SELECT relationship_type, source_model, least(floor(confidence * $6)::integer, $6 - 1) AS bin,
           count(*) AS total, count(*) FILTER (WHERE is_accepted) AS hits, sum(confidence) AS confidence
    FROM (
        SELECT relationship_type, source_model, confidence, is_accepted
        FROM judgements
        WHERE scope = $1 AND judged_at >= $2 AND judged_at < $3
          AND ($4::text IS NULL OR relationship_type = $4)
          AND ($5::text IS NULL OR source_model = $5)
        ORDER BY judged_at DESC
        LIMIT $8
    ) AS latest
    GROUP BY relationship_type, source_model, bin
), largest AS (
    SELECT relationship_type, source_model, sum(total) AS size
    FROM cells
    GROUP BY relationship_type, source_model
    ORDER BY size DESC, relationship_type, source_model
    LIMIT $7
)
SELECT cells.*, largest.size
FROM largest
JOIN cells ON cells.relationship_type = largest.relationship_type AND cells.source_model = largest.source_model
ORDER BY largest.size DESC, cells.relationship_type, cells.source_model, cells.bin;

-- name: acceptance
-- How many claims were accepted in each day or week ($6), of the latest $7 in a time; of a source $5, or of all together.
SELECT date_trunc($6, judged_at, 'UTC') AS start, count(*) AS total, count(*) FILTER (WHERE is_accepted) AS hits
FROM (
    SELECT judged_at, is_accepted
    FROM judgements
    WHERE scope = $1 AND judged_at >= $2 AND judged_at < $3
      AND ($4::text IS NULL OR relationship_type = $4)
      AND source_model = $5
    ORDER BY judged_at DESC
    LIMIT $7
) AS latest
GROUP BY start
ORDER BY start;

-- name: second_looks
-- All verdicts of people on the latest $4 claims in a time that more than one may have had a say in.
SELECT verdict.suggestion_id, verdict.revision, verdict.reviewed_by, verdict.verdict
FROM (
    SELECT DISTINCT suggestion_id
    FROM (
        SELECT suggestion_id
        FROM decisions
        WHERE scope = $1 AND reviewed_at >= $2 AND reviewed_at < $3
          AND verdict IN ('endorse', 'undo') AND policy_id IS NULL
        ORDER BY reviewed_at DESC
        LIMIT $4
    ) AS latest
) AS looked_at
JOIN decisions AS verdict ON verdict.suggestion_id = looked_at.suggestion_id
WHERE verdict.policy_id IS NULL AND verdict.verdict IN ('approve', 'endorse', 'reject', 'undo')
ORDER BY verdict.suggestion_id, verdict.revision;

-- name: policy_agreement
-- What people said in a time of each policy's versions, at most $4 of each: [held out, accepted, undone] and its action.
SELECT policy.name || ':' || present.version AS name, present.document ->> 'action' AS action,
       said.held_out, said.accepted, said.undone
FROM policies AS policy
JOIN policy_versions AS present ON present.policy_id = policy.id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE is_held_out) AS held_out,
           count(*) FILTER (WHERE is_held_out AND is_accepted) AS accepted,
           count(*) FILTER (WHERE NOT is_held_out) AS undone
    FROM (
        SELECT is_held_out, is_accepted
        FROM policy_checks
        WHERE policy_id = policy.id AND policy_version = policy.name || ':' || present.version
          AND checked_at >= $2 AND checked_at < $3
        ORDER BY checked_at DESC
        LIMIT $4
    ) AS latest
) AS said
WHERE policy.scope = $1 AND said.held_out + said.undone > 0
ORDER BY policy.name, present.version
LIMIT 200;
