-- Statements that read the graph.

-- name: list_edges
-- A page of edges, the youngest first, with pending suggestions among them as ghost edges where $8 says so.
SELECT *
FROM (
    (
        SELECT id, scope, from_node_id, to_node_id, relationship_type, 'approved' AS status, confidence, strength,
               suggestion_id, decision_id, created_by, created_at
        FROM edges AS edge
        WHERE edge.scope = $1
          AND ($2::text IS NULL OR edge.from_node_id = $2)
          AND ($3::text IS NULL OR edge.to_node_id = $3)
          AND ($4::text IS NULL OR edge.from_node_id = $4 OR edge.to_node_id = $4)
          AND ($5::text IS NULL OR edge.relationship_type = $5)
          AND (edge.created_at, edge.id) < ($7::timestamptz, $9::uuid)
        ORDER BY edge.created_at DESC, edge.id DESC
        LIMIT $6
    )
    UNION ALL
    (
        SELECT id, scope, from_node_id, to_node_id, relationship_type, 'suggested', confidence, strength,
               id, NULL, proposed_by, created_at
        FROM suggestions AS ghost
        WHERE $8::boolean AND ghost.scope = $1 AND ghost.status = 'pending'
          AND ($2::text IS NULL OR ghost.from_node_id = $2)
          AND ($3::text IS NULL OR ghost.to_node_id = $3)
          AND ($4::text IS NULL OR ghost.from_node_id = $4 OR ghost.to_node_id = $4)
          AND ($5::text IS NULL OR ghost.relationship_type = $5)
          AND (ghost.created_at, ghost.id) < ($7::timestamptz, $9::uuid)
        ORDER BY ghost.created_at DESC, ghost.id DESC
        LIMIT $6
    )
) AS page
ORDER BY created_at DESC, id DESC
LIMIT $6;

-- name: neighborhood
-- Walk from $2 in both directions: $3 steps, at most $4 nodes and $5 edges a step, over ghost edges too where $6 says so.
WITH RECURSIVE walk (depth, frontier, seen, edges, ghosts, truncated) AS (
    SELECT 0, ARRAY[$2::text COLLATE "C"], ARRAY[$2::text COLLATE "C"], '{}'::uuid[], '{}'::uuid[], false
    UNION ALL
    SELECT walk.depth + 1,
           fresh.nodes[:$4 - cardinality(walk.seen)],
           walk.seen || fresh.nodes[:$4 - cardinality(walk.seen)],
           walk.edges || coalesce(step.edges[:$5], '{}'),
           walk.ghosts || coalesce(step.ghosts[:$5], '{}'),
           walk.truncated OR step.hits > $5 OR cardinality(fresh.nodes) > $4 - cardinality(walk.seen)
    FROM walk
    CROSS JOIN LATERAL (
        SELECT array_agg(edge_id) FILTER (WHERE NOT is_ghost) AS edges,
               array_agg(edge_id) FILTER (WHERE is_ghost) AS ghosts,
               array_agg(node) AS nodes,
               count(*) AS hits
        FROM (
            SELECT near.*
            FROM unnest(walk.frontier) AS here (node)
            CROSS JOIN LATERAL (
                SELECT id AS edge_id, to_node_id AS node, false AS is_ghost
                FROM edges WHERE scope = $1 AND from_node_id = here.node
                UNION ALL
                SELECT id, from_node_id, false
                FROM edges WHERE scope = $1 AND to_node_id = here.node
                UNION ALL
                SELECT id, to_node_id, true
                FROM suggestions
                WHERE $6::boolean AND scope = $1 AND from_node_id = here.node AND status = 'pending'
                UNION ALL
                SELECT id, from_node_id, true
                FROM suggestions
                WHERE $6::boolean AND scope = $1 AND to_node_id = here.node AND status = 'pending'
            ) AS near
            LIMIT $5 + 1
        ) AS bounded
    ) AS step
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(node), '{}') AS nodes
        FROM (
            SELECT unnest(step.nodes) AS node
            EXCEPT
            SELECT unnest(walk.seen)
            ORDER BY node
            LIMIT $4 + 1 - cardinality(walk.seen)
        ) AS unseen
    ) AS fresh
    WHERE walk.depth < $3 AND cardinality(walk.frontier) > 0
)
SELECT seen, edges, ghosts, truncated FROM walk ORDER BY depth DESC LIMIT 1;

-- name: edges_by_id
-- Edges and ghost edges by id.
SELECT id, scope, from_node_id, to_node_id, relationship_type, 'approved' AS status, confidence, strength,
       suggestion_id, decision_id, created_by, created_at
FROM edges
WHERE id = ANY($1::uuid[])
UNION ALL
SELECT id, scope, from_node_id, to_node_id, relationship_type, 'suggested', confidence, strength,
       id, NULL, proposed_by, created_at
FROM suggestions
WHERE id = ANY($2::uuid[])
ORDER BY status, from_node_id, to_node_id, relationship_type;

-- name: nodes_by_id
-- What is known of nodes.
SELECT id, label, kind FROM nodes WHERE scope = $1 AND id = ANY($2::text[]);
