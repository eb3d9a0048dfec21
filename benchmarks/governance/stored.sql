-- Fills suggestions with a history of $1 claims, each with one piece of evidence, decisions on those that were decided,
-- and edges of the approved ones. Half are of the scope `bench`, the rest of a hundred others; 60 % wait.
WITH numbered AS (
    SELECT
        n,
        uuidv7(make_interval(secs => (n - $1) * 2.0)) AS id,
        clock_timestamp() + make_interval(secs => (n - $1) * 2.0) AS moment,
        CASE WHEN random() < 0.5 THEN 'bench' ELSE 'tenant-' || floor(random() * 100)::int END AS scope,
        'node-' || floor(power(random(), 2) * $1 / 10)::bigint AS from_node_id,
        'other-' || n AS to_node_id,
        'type-' || floor(power(random(), 3) * 12)::int AS relationship_type,
        'model-' || floor(power(random(), 2) * 4)::int AS source_model,
        'run-' || n / 5000 AS run,
        round(random()::numeric, 4)::float8 AS confidence,
        random() AS kind
    FROM generate_series(1::bigint, $1) AS n
), placed AS (
    SELECT *, decode(md5(n::text), 'hex') AS digest, sha256(n::text::bytea) AS payload_hash,
           CASE WHEN kind < 0.6 THEN 'pending' WHEN kind < 0.82 THEN 'approved' WHEN kind < 0.97 THEN 'rejected' ELSE 'expired' END AS status,
           CASE WHEN kind >= 0.6 AND kind < 0.82 THEN uuidv7() END AS edge_id,
           CASE WHEN kind >= 0.6 THEN uuidv7() END AS decision_id,
           CASE WHEN kind >= 0.97 THEN 'system' WHEN kind >= 0.6 THEN 'user-' || n % 50 END AS reviewed_by
    FROM numbered
), made AS (
    INSERT INTO suggestions (
        id, scope, from_node_id, to_node_id, relationship_type, status, revision, confidence, strength, evidence_count,
        maxima, strongest, source_model, analysis_run_id, proposed_by, decision_id, edge_id, reviewed_by, reviewed_at,
        reason_code, remembered, created_at, updated_at
    )
    SELECT id, scope, from_node_id, to_node_id, relationship_type, status, CASE status WHEN 'pending' THEN 1 ELSE 2 END,
           confidence, NULL, 1, jsonb_build_object(source_model, confidence), digest, source_model, run, 'runner',
           decision_id, edge_id, reviewed_by, CASE WHEN decision_id IS NOT NULL THEN moment END,
           CASE status WHEN 'rejected' THEN 'not_related' END,
           CASE status WHEN 'rejected' THEN ARRAY[payload_hash] ELSE '{}' END, moment, moment
    FROM placed
), proposed AS (
    INSERT INTO evidence (
        suggestion_id, digest, id, payload_hash, source_model, analysis_run_id, confidence, strength, reasoning, payload,
        proposed_by, proposed_at
    )
    SELECT id, digest, uuidv7(), payload_hash, source_model, run, confidence, NULL, 'share: term-' || n % 997,
           '{"terms": ["one", "two"]}', 'runner', moment
    FROM placed
), grown AS (
    INSERT INTO edges (
        id, scope, from_node_id, to_node_id, relationship_type, revision, confidence, strength, suggestion_id, decision_id,
        created_by, created_at
    )
    SELECT edge_id, scope, from_node_id, to_node_id, relationship_type, 1, confidence, NULL, id, decision_id, reviewed_by,
           moment
    FROM placed
    WHERE edge_id IS NOT NULL
)
INSERT INTO decisions (
    suggestion_id, revision, id, scope, verdict, reviewed_by, reviewed_at, reason_code, confidence_shown, evidence_shown,
    sources_shown, edge_id
)
SELECT id, 2, decision_id, scope, CASE status WHEN 'approved' THEN 'approve' WHEN 'rejected' THEN 'reject' ELSE 'expire' END,
       reviewed_by, moment, CASE status WHEN 'rejected' THEN 'not_related' END, confidence, 1,
       jsonb_build_object(source_model, confidence), edge_id
FROM placed
WHERE decision_id IS NOT NULL
