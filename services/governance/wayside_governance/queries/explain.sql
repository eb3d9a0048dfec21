-- Statements that explain a suggestion: each looks at a bounded number of rows, however much a node has.

-- name: degree
-- How many edges a node has, counted up to $3.
SELECT count(*)
FROM (
    (SELECT FROM edges WHERE scope = $1 AND from_node_id = $2 LIMIT $3)
    UNION ALL
    (SELECT FROM edges WHERE scope = $1 AND to_node_id = $2 LIMIT $3)
    LIMIT $3
) AS edges_of_node;

-- name: same_nodes
-- Other claims about two nodes, $3 and $4, in either direction, and what was decided of them; not $2.
SELECT id, from_node_id, to_node_id, relationship_type, status, confidence, reviewed_by, reviewed_at, reason_code
FROM (
    (SELECT * FROM suggestions WHERE scope = $1 AND from_node_id = $3 AND to_node_id = $4 LIMIT $5)
    UNION ALL
    (SELECT * FROM suggestions WHERE scope = $1 AND from_node_id = $4 AND to_node_id = $3 LIMIT $5)
) AS between
WHERE status IN ('approved', 'rejected') AND id <> $2
ORDER BY reviewed_at DESC, id DESC;

-- name: same_from
-- Decided claims of type $4 from node $3, among $5 of its claims; not $2.
SELECT id, from_node_id, to_node_id, relationship_type, status, confidence, reviewed_by, reviewed_at, reason_code
FROM (SELECT * FROM suggestions WHERE scope = $1 AND from_node_id = $3 LIMIT $5) AS of_node
WHERE relationship_type = $4 AND status IN ('approved', 'rejected') AND id <> $2
ORDER BY reviewed_at DESC, id DESC;

-- name: same_to
-- Decided claims of type $4 to node $3, among the youngest $5 of its decided claims; not $2.
SELECT id, from_node_id, to_node_id, relationship_type, status, confidence, reviewed_by, reviewed_at, reason_code
FROM (
    (
        SELECT * FROM suggestions WHERE scope = $1 AND to_node_id = $3 AND status = 'approved'
        ORDER BY created_at DESC, id DESC LIMIT $5
    )
    UNION ALL
    (
        SELECT * FROM suggestions WHERE scope = $1 AND to_node_id = $3 AND status = 'rejected'
        ORDER BY created_at DESC, id DESC LIMIT $5
    )
) AS of_node
WHERE relationship_type = $4 AND id <> $2
ORDER BY reviewed_at DESC, id DESC;

-- name: holder
-- Who has a card before them.
SELECT reviewer, expires_at FROM review_leases WHERE suggestion_id = $1 AND expires_at > statement_timestamp();
