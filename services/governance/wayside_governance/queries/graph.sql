-- Statements that read the graph.

-- name: list_edges
-- A step through edges, the youngest first: at most $13 of them are looked at, and those that all filters let through are shown.
--
-- $2 says whose edges: `all`, those `from` $3, `to` $4, of the `node` $5, or of the `pair` $3 and $4. $6 types, $7 creator,
-- $8 least confidence, $9 from when on, $10 and $11 the place to go on from, $12 whether ghosts are wanted, $14 how many.
-- The last edge of a step that was cut is shown too (`is_last`), whatever it is: there the next one begins.
SELECT *, number = $13 AS is_last
FROM (
    SELECT merged.*,
           ($3::text IS NULL OR from_node_id = $3)
           AND ($4::text IS NULL OR to_node_id = $4)
           AND ($5::text IS NULL OR from_node_id = $5 OR to_node_id = $5)
           AND ($6::text[] IS NULL OR relationship_type = ANY($6))
           AND ($7::text IS NULL OR created_by = $7)
           AND confidence >= $8::float8 AS is_match,
           row_number() OVER (ORDER BY created_at DESC, id DESC) AS number
    FROM (
        (
            SELECT id, scope, from_node_id, to_node_id, relationship_type, 'approved' AS status, confidence, strength,
                   suggestion_id, decision_id, created_by, created_at
            FROM edges
            WHERE $2::text = 'all' AND scope = $1
              AND created_at >= $9::timestamptz AND (created_at, id) < ($10::timestamptz, $11::uuid)
            ORDER BY created_at DESC, id DESC LIMIT $13
        )
        UNION ALL
        (
            SELECT id, scope, from_node_id, to_node_id, relationship_type, 'approved', confidence, strength,
                   suggestion_id, decision_id, created_by, created_at
            FROM edges
            WHERE $2 IN ('from', 'node') AND scope = $1 AND from_node_id = coalesce($3, $5)
              AND created_at >= $9 AND (created_at, id) < ($10, $11)
            ORDER BY created_at DESC, id DESC LIMIT $13
        )
        UNION ALL
        (
            SELECT id, scope, from_node_id, to_node_id, relationship_type, 'approved', confidence, strength,
                   suggestion_id, decision_id, created_by, created_at
            FROM edges
            WHERE $2 IN ('to', 'node') AND scope = $1 AND to_node_id = coalesce($4, $5)
              AND created_at >= $9 AND (created_at, id) < ($10, $11)
            ORDER BY created_at DESC, id DESC LIMIT $13
        )
        UNION ALL
        (
            SELECT id, scope, from_node_id, to_node_id, relationship_type, 'suggested', confidence, strength,
                   id, NULL, proposed_by, created_at
            FROM suggestions
            WHERE $12::boolean AND $2 = 'all' AND scope = $1 AND status = 'pending'
              AND created_at >= $9 AND (created_at, id) < ($10, $11)
            ORDER BY created_at DESC, id DESC LIMIT $13
        )
        UNION ALL
        (
            SELECT id, scope, from_node_id, to_node_id, relationship_type, 'suggested', confidence, strength,
                   id, NULL, proposed_by, created_at
            FROM suggestions
            WHERE $12 AND $2 IN ('from', 'node') AND scope = $1 AND from_node_id = coalesce($3, $5) AND status = 'pending'
              AND created_at >= $9 AND (created_at, id) < ($10, $11)
            ORDER BY created_at DESC, id DESC LIMIT $13
        )
        UNION ALL
        (
            SELECT id, scope, from_node_id, to_node_id, relationship_type, 'suggested', confidence, strength,
                   id, NULL, proposed_by, created_at
            FROM suggestions
            WHERE $12 AND $2 IN ('to', 'node') AND scope = $1 AND to_node_id = coalesce($4, $5) AND status = 'pending'
              AND created_at >= $9 AND (created_at, id) < ($10, $11)
            ORDER BY created_at DESC, id DESC LIMIT $13
        )
        UNION ALL
        (
            SELECT id, scope, from_node_id, to_node_id, relationship_type, 'approved', confidence, strength,
                   suggestion_id, decision_id, created_by, created_at
            FROM edges
            WHERE $2 = 'pair' AND scope = $1 AND from_node_id = $3 AND to_node_id = $4
              AND created_at >= $9 AND (created_at, id) < ($10, $11)
        )
        UNION ALL
        (
            SELECT id, scope, from_node_id, to_node_id, relationship_type, 'suggested', confidence, strength,
                   id, NULL, proposed_by, created_at
            FROM suggestions
            WHERE $12 AND $2 = 'pair' AND scope = $1 AND from_node_id = $3 AND to_node_id = $4 AND status = 'pending'
              AND created_at >= $9 AND (created_at, id) < ($10, $11)
        )
    ) AS merged
    ORDER BY created_at DESC, id DESC
    LIMIT $13
) AS step
WHERE is_match OR number = $13
ORDER BY created_at DESC, id DESC
LIMIT $14;

-- name: steps_from
-- One step from each of the nodes $2 over the types $3: out ($4) and in ($5), over ghosts too where $6 says so.
--
-- Not to the nodes $7, where the walk has been. Each node gives at most $8 edges, all together $9; nodes take turns, so that no
-- hub leaves the others without one. One edge more of each (`turn` > $8), and one more of all, say that there are more. So does
-- a ghost that is not of these types (not `is_match`): of a node's ghosts 2,000 are looked at.
SELECT here.node, near.other, near.id, near.is_ghost, near.turn, near.is_match
FROM unnest($2::text[]) WITH ORDINALITY AS here (node, rank)
CROSS JOIN LATERAL (
    SELECT *, row_number() OVER () AS turn
    FROM (
        (
            SELECT id, to_node_id AS other, false AS is_ghost, true AS is_match
            FROM edges
            WHERE $4::boolean AND scope = $1 AND from_node_id = here.node
              AND ($3::text[] IS NULL OR relationship_type = ANY($3)) AND to_node_id <> ALL($7::text[])
            LIMIT $8 + 1
        )
        UNION ALL
        (
            SELECT id, from_node_id, false, true
            FROM edges
            WHERE $5::boolean AND scope = $1 AND to_node_id = here.node
              AND ($3 IS NULL OR relationship_type = ANY($3)) AND from_node_id <> ALL($7)
            LIMIT $8 + 1
        )
        UNION ALL
        (
            SELECT id, to_node_id, true, is_match
            FROM (
                SELECT id, to_node_id, $3 IS NULL OR relationship_type = ANY($3) AS is_match,
                       row_number() OVER () = 2000 AS is_last
                FROM suggestions
                WHERE $6::boolean AND $4 AND scope = $1 AND from_node_id = here.node AND status = 'pending'
                  AND to_node_id <> ALL($7)
                LIMIT 2000
            ) AS waiting
            WHERE is_match OR is_last
            LIMIT $8 + 1
        )
        UNION ALL
        (
            SELECT id, from_node_id, true, is_match
            FROM (
                SELECT id, from_node_id, $3 IS NULL OR relationship_type = ANY($3) AS is_match,
                       row_number() OVER () = 2000 AS is_last
                FROM suggestions
                WHERE $6 AND $5 AND scope = $1 AND to_node_id = here.node AND status = 'pending'
                  AND from_node_id <> ALL($7)
                LIMIT 2000
            ) AS waiting
            WHERE is_match OR is_last
            LIMIT $8 + 1
        )
    ) AS gathered
    LIMIT $8 + 1
) AS near
ORDER BY near.turn, here.rank
LIMIT $9 + 1;

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
WHERE id = ANY($2::uuid[]);

-- name: nodes_by_id
-- What is known of nodes.
SELECT id, label, kind FROM nodes WHERE scope = $1 AND id = ANY($2::text[]);
