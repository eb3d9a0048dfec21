-- Fills the edges of the scope `bench` with $1 edges, half of them of hubs that have $2 edges each: of every hub half go out and
-- half come in. The rest is spread over $1 / 10 nodes, a few of which have many (node `n<k>` has about 1/√k of the first).
WITH hubs AS (
    SELECT greatest(1, $1 / 2 / $2) AS count, greatest(1, $1 / 10) AS nodes
), drawn AS (
    SELECT n,
           n % 2 = 0 AS is_outward,
           CASE WHEN n <= hubs.count * $2 THEN 'hub-' || (n - 1) / $2 END AS hub,
           'n' || floor(power(random(), 2) * hubs.nodes)::bigint AS one,
           'n' || floor(random() * hubs.nodes)::bigint AS other,
           'type-' || floor(power(random(), 3) * 12)::int AS type,
           random() AS confidence
    FROM hubs, generate_series(1::bigint, $1) AS n
), placed AS (
    SELECT n, type, confidence,
           CASE WHEN hub IS NULL OR is_outward THEN coalesce(hub, one) ELSE other END AS from_node_id,
           CASE WHEN hub IS NOT NULL AND NOT is_outward THEN hub ELSE other END AS to_node_id
    FROM drawn
)
INSERT INTO edges (
    id, scope, from_node_id, to_node_id, relationship_type, revision, confidence, strength, suggestion_id, decision_id,
    created_by, created_at
)
SELECT gen_random_uuid(), 'bench', from_node_id, to_node_id, type, 1, confidence, NULL, gen_random_uuid(),
       gen_random_uuid(), 'user-' || n % 500, now() - random() * interval '90 days'
FROM placed
WHERE from_node_id <> to_node_id
ON CONFLICT DO NOTHING
