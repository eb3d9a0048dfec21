-- Statements of review sessions. Times are the database's.
--
-- Candidates are found first, and then leased in one statement: that one decides, and skips what somebody else has locked.
-- Filters: $1 scope, $2 reviewer, $3 to $10 confidence from and to, ends, either end, type, source and run. A card is free for a
-- reviewer when nobody has it, they did not skip it, and they may approve it. That is asked card by card: without OFFSET 0 the
-- planner may join all leases, skips and evidence first, to find ten cards.
--
-- No more than $12 cards are asked: of those that an index finds, the first in order. Where a reviewer proposed all that waits,
-- or no card has the source wanted, there would be no end to it otherwise.

-- name: candidates_by_confidence
-- Cards that are free for a reviewer, the surest first.
SELECT card.id
FROM (
    SELECT id, confidence, maxima, endorsed_by FROM suggestions
    WHERE scope = $1 AND status = 'pending' AND confidence >= $3 AND confidence <= $4
      AND ($5::text IS NULL OR from_node_id = $5)
      AND ($6::text IS NULL OR to_node_id = $6)
      AND ($7::text IS NULL OR from_node_id = $7 OR to_node_id = $7)
      AND ($8::text IS NULL OR relationship_type = $8)
      AND ($10::text IS NULL OR id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $10)))
    ORDER BY confidence DESC, id DESC
    LIMIT $12
) AS card
WHERE ($9::text IS NULL OR card.maxima ? $9)
  AND $2 <> ALL(card.endorsed_by)
  AND NOT EXISTS (
      SELECT FROM review_leases WHERE suggestion_id = card.id AND expires_at > statement_timestamp() OFFSET 0
  )
  AND NOT EXISTS (SELECT FROM review_skips
       WHERE suggestion_id = card.id AND reviewer = $2 AND until > statement_timestamp() OFFSET 0)
  AND NOT EXISTS (SELECT FROM evidence WHERE suggestion_id = card.id AND $2 IN (proposed_by, on_behalf_of) OFFSET 0)
  AND NOT EXISTS (SELECT FROM suppressed_proposers WHERE suggestion_id = card.id AND proposed_by = $2 OFFSET 0)
ORDER BY card.confidence DESC, card.id DESC
LIMIT $11;

-- name: candidates_newest
-- Cards that are free for a reviewer, the youngest first.
SELECT card.id
FROM (
    SELECT id, created_at, maxima, endorsed_by FROM suggestions
    WHERE scope = $1 AND status = 'pending' AND confidence >= $3 AND confidence <= $4
      AND ($5::text IS NULL OR from_node_id = $5)
      AND ($6::text IS NULL OR to_node_id = $6)
      AND ($7::text IS NULL OR from_node_id = $7 OR to_node_id = $7)
      AND ($8::text IS NULL OR relationship_type = $8)
      AND ($10::text IS NULL OR id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $10)))
    ORDER BY created_at DESC, id DESC
    LIMIT $12
) AS card
WHERE ($9::text IS NULL OR card.maxima ? $9)
  AND $2 <> ALL(card.endorsed_by)
  AND NOT EXISTS (
      SELECT FROM review_leases WHERE suggestion_id = card.id AND expires_at > statement_timestamp() OFFSET 0
  )
  AND NOT EXISTS (SELECT FROM review_skips
       WHERE suggestion_id = card.id AND reviewer = $2 AND until > statement_timestamp() OFFSET 0)
  AND NOT EXISTS (SELECT FROM evidence WHERE suggestion_id = card.id AND $2 IN (proposed_by, on_behalf_of) OFFSET 0)
  AND NOT EXISTS (SELECT FROM suppressed_proposers WHERE suggestion_id = card.id AND proposed_by = $2 OFFSET 0)
ORDER BY card.created_at DESC, card.id DESC
LIMIT $11;

-- name: candidates_uncertain
-- Free cards, the nearest to the boundaries ($14) of their types ($13) first; $15 is that of all other types, if wanted.
-- Types share the cards that are asked; of the others, as many on each side of their boundary.
SELECT id
FROM (
    SELECT near.id, abs(near.confidence - band.boundary) AS distance
    FROM unnest($13::text[], $14::float8[]) AS band (type, boundary)
    CROSS JOIN LATERAL (
        (
            SELECT card.id, card.confidence
            FROM (
                SELECT id, confidence, maxima, endorsed_by FROM suggestions
                WHERE relationship_type = band.type AND confidence >= band.boundary
                  AND scope = $1 AND status = 'pending' AND confidence >= $3 AND confidence <= $4
                  AND ($5::text IS NULL OR from_node_id = $5)
                  AND ($6::text IS NULL OR to_node_id = $6)
                  AND ($7::text IS NULL OR from_node_id = $7 OR to_node_id = $7)
                  AND ($8::text IS NULL OR relationship_type = $8)
                  AND ($10::text IS NULL OR id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $10)))
                ORDER BY confidence, id
                LIMIT greatest($11, $12 / (1 + cardinality($13)))
            ) AS card
            WHERE ($9::text IS NULL OR card.maxima ? $9)
              AND $2 <> ALL(card.endorsed_by)
              AND NOT EXISTS (
                  SELECT FROM review_leases WHERE suggestion_id = card.id AND expires_at > statement_timestamp() OFFSET 0
              )
              AND NOT EXISTS (SELECT FROM review_skips
                   WHERE suggestion_id = card.id AND reviewer = $2 AND until > statement_timestamp() OFFSET 0)
              AND NOT EXISTS (SELECT FROM evidence WHERE suggestion_id = card.id AND $2 IN (proposed_by, on_behalf_of) OFFSET 0)
              AND NOT EXISTS (SELECT FROM suppressed_proposers WHERE suggestion_id = card.id AND proposed_by = $2 OFFSET 0)
            ORDER BY card.confidence, card.id
            LIMIT $11
        )
        UNION ALL
        (
            SELECT card.id, card.confidence
            FROM (
                SELECT id, confidence, maxima, endorsed_by FROM suggestions
                WHERE relationship_type = band.type AND confidence < band.boundary
                  AND scope = $1 AND status = 'pending' AND confidence >= $3 AND confidence <= $4
                  AND ($5::text IS NULL OR from_node_id = $5)
                  AND ($6::text IS NULL OR to_node_id = $6)
                  AND ($7::text IS NULL OR from_node_id = $7 OR to_node_id = $7)
                  AND ($8::text IS NULL OR relationship_type = $8)
                  AND ($10::text IS NULL OR id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $10)))
                ORDER BY confidence DESC, id DESC
                LIMIT greatest($11, $12 / (1 + cardinality($13)))
            ) AS card
            WHERE ($9::text IS NULL OR card.maxima ? $9)
              AND $2 <> ALL(card.endorsed_by)
              AND NOT EXISTS (
                  SELECT FROM review_leases WHERE suggestion_id = card.id AND expires_at > statement_timestamp() OFFSET 0
              )
              AND NOT EXISTS (SELECT FROM review_skips
                   WHERE suggestion_id = card.id AND reviewer = $2 AND until > statement_timestamp() OFFSET 0)
              AND NOT EXISTS (SELECT FROM evidence WHERE suggestion_id = card.id AND $2 IN (proposed_by, on_behalf_of) OFFSET 0)
              AND NOT EXISTS (SELECT FROM suppressed_proposers WHERE suggestion_id = card.id AND proposed_by = $2 OFFSET 0)
            ORDER BY card.confidence DESC, card.id DESC
            LIMIT $11
        )
    ) AS near
    UNION ALL
    (
        SELECT card.id, card.confidence - $15::float8
        FROM (
            SELECT id, confidence, maxima, endorsed_by, relationship_type FROM suggestions
            WHERE confidence >= $15 AND scope = $1 AND status = 'pending' AND confidence >= $3 AND confidence <= $4
              AND ($5::text IS NULL OR from_node_id = $5)
              AND ($6::text IS NULL OR to_node_id = $6)
              AND ($7::text IS NULL OR from_node_id = $7 OR to_node_id = $7)
              AND ($8::text IS NULL OR relationship_type = $8)
              AND ($10::text IS NULL OR id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $10)))
            ORDER BY confidence, id
            LIMIT $12
        ) AS card
        WHERE card.relationship_type <> ALL($13) AND ($9::text IS NULL OR card.maxima ? $9)
          AND $2 <> ALL(card.endorsed_by)
          AND NOT EXISTS (
              SELECT FROM review_leases WHERE suggestion_id = card.id AND expires_at > statement_timestamp() OFFSET 0
          )
          AND NOT EXISTS (SELECT FROM review_skips
               WHERE suggestion_id = card.id AND reviewer = $2 AND until > statement_timestamp() OFFSET 0)
          AND NOT EXISTS (SELECT FROM evidence WHERE suggestion_id = card.id AND $2 IN (proposed_by, on_behalf_of) OFFSET 0)
          AND NOT EXISTS (SELECT FROM suppressed_proposers WHERE suggestion_id = card.id AND proposed_by = $2 OFFSET 0)
        ORDER BY card.confidence, card.id
        LIMIT $11
    )
    UNION ALL
    (
        SELECT card.id, $15 - card.confidence
        FROM (
            SELECT id, confidence, maxima, endorsed_by, relationship_type FROM suggestions
            WHERE confidence < $15 AND scope = $1 AND status = 'pending' AND confidence >= $3 AND confidence <= $4
              AND ($5::text IS NULL OR from_node_id = $5)
              AND ($6::text IS NULL OR to_node_id = $6)
              AND ($7::text IS NULL OR from_node_id = $7 OR to_node_id = $7)
              AND ($8::text IS NULL OR relationship_type = $8)
              AND ($10::text IS NULL OR id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $10)))
            ORDER BY confidence DESC, id DESC
            LIMIT $12
        ) AS card
        WHERE card.relationship_type <> ALL($13) AND ($9::text IS NULL OR card.maxima ? $9)
          AND $2 <> ALL(card.endorsed_by)
          AND NOT EXISTS (
              SELECT FROM review_leases WHERE suggestion_id = card.id AND expires_at > statement_timestamp() OFFSET 0
          )
          AND NOT EXISTS (SELECT FROM review_skips
               WHERE suggestion_id = card.id AND reviewer = $2 AND until > statement_timestamp() OFFSET 0)
          AND NOT EXISTS (SELECT FROM evidence WHERE suggestion_id = card.id AND $2 IN (proposed_by, on_behalf_of) OFFSET 0)
          AND NOT EXISTS (SELECT FROM suppressed_proposers WHERE suggestion_id = card.id AND proposed_by = $2 OFFSET 0)
        ORDER BY card.confidence DESC, card.id DESC
        LIMIT $11
    )
) AS found
ORDER BY distance, id
LIMIT $11;

-- name: candidates_by_impact
-- Of the $13 surest free cards those first whose nodes have the most edges; of each node $14 are counted.
SELECT surest.id
FROM (
    SELECT card.id, card.from_node_id, card.to_node_id, card.confidence
    FROM (
        SELECT id, from_node_id, to_node_id, confidence, maxima, endorsed_by FROM suggestions
        WHERE scope = $1 AND status = 'pending' AND confidence >= $3 AND confidence <= $4
          AND ($5::text IS NULL OR from_node_id = $5)
          AND ($6::text IS NULL OR to_node_id = $6)
          AND ($7::text IS NULL OR from_node_id = $7 OR to_node_id = $7)
          AND ($8::text IS NULL OR relationship_type = $8)
          AND ($10::text IS NULL OR id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $10)))
        ORDER BY confidence DESC, id DESC
        LIMIT $12
    ) AS card
    WHERE ($9::text IS NULL OR card.maxima ? $9)
      AND $2 <> ALL(card.endorsed_by)
      AND NOT EXISTS (
          SELECT FROM review_leases WHERE suggestion_id = card.id AND expires_at > statement_timestamp() OFFSET 0
      )
      AND NOT EXISTS (SELECT FROM review_skips
           WHERE suggestion_id = card.id AND reviewer = $2 AND until > statement_timestamp() OFFSET 0)
      AND NOT EXISTS (SELECT FROM evidence WHERE suggestion_id = card.id AND $2 IN (proposed_by, on_behalf_of) OFFSET 0)
      AND NOT EXISTS (SELECT FROM suppressed_proposers WHERE suggestion_id = card.id AND proposed_by = $2 OFFSET 0)
    ORDER BY card.confidence DESC, card.id DESC
    LIMIT $13
) AS surest
ORDER BY (SELECT sum(degree) FROM unnest(ARRAY[surest.from_node_id, surest.to_node_id]) AS node (id) CROSS JOIN LATERAL (
    SELECT count(*) AS degree
    FROM (
        (SELECT FROM edges WHERE scope = $1 AND from_node_id = node.id LIMIT $14)
        UNION ALL
        (SELECT FROM edges WHERE scope = $1 AND to_node_id = node.id LIMIT $14)
        LIMIT $14
    ) AS edges_of_node
) AS counted) DESC, surest.confidence DESC, surest.id DESC
LIMIT $11;

-- name: candidates_at_random
-- Free cards, one at or after each of $11 random moments of the queue, and a random step away; of a short queue, any.
WITH queue AS (
    SELECT min(created_at) AS oldest, max(created_at) AS youngest,
           (SELECT count(*) FROM (
               SELECT FROM suggestions WHERE scope = $1 AND status = 'pending' LIMIT $13
           ) AS first) AS length
    FROM suggestions
    WHERE scope = $1 AND status = 'pending'
), moments AS (
    SELECT CASE WHEN length < $13 THEN oldest ELSE oldest + random() * (youngest - oldest) END AS at,
           floor(random() * length)::bigint AS step
    FROM queue, generate_series(1, $11)
)
SELECT DISTINCT picked.id
FROM moments
CROSS JOIN LATERAL (
    SELECT card.id
    FROM (
        SELECT id, created_at, maxima, endorsed_by FROM suggestions
        WHERE created_at >= moments.at AND scope = $1 AND status = 'pending' AND confidence >= $3 AND confidence <= $4
          AND ($5::text IS NULL OR from_node_id = $5)
          AND ($6::text IS NULL OR to_node_id = $6)
          AND ($7::text IS NULL OR from_node_id = $7 OR to_node_id = $7)
          AND ($8::text IS NULL OR relationship_type = $8)
          AND ($10::text IS NULL OR id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $10)))
        ORDER BY created_at, id
        LIMIT $12
    ) AS card
    WHERE ($9::text IS NULL OR card.maxima ? $9)
      AND $2 <> ALL(card.endorsed_by)
      AND NOT EXISTS (
          SELECT FROM review_leases WHERE suggestion_id = card.id AND expires_at > statement_timestamp() OFFSET 0
      )
      AND NOT EXISTS (SELECT FROM review_skips
           WHERE suggestion_id = card.id AND reviewer = $2 AND until > statement_timestamp() OFFSET 0)
      AND NOT EXISTS (SELECT FROM evidence WHERE suggestion_id = card.id AND $2 IN (proposed_by, on_behalf_of) OFFSET 0)
      AND NOT EXISTS (SELECT FROM suppressed_proposers WHERE suggestion_id = card.id AND proposed_by = $2 OFFSET 0)
    ORDER BY card.created_at, card.id
    OFFSET moments.step
    LIMIT 1
) AS picked;

-- name: waiting
-- How many cards of others a filter hides, and how many it leaves for a reviewer, counted up to $11.
SELECT (
    SELECT count(*)
    FROM (
        SELECT
        FROM (
            SELECT suggestion_id FROM review_leases
            WHERE scope = $1 AND reviewer <> $2 AND expires_at > statement_timestamp()
            LIMIT $12
        ) AS held
        JOIN suggestions AS card ON card.id = held.suggestion_id
        WHERE card.scope = $1 AND card.status = 'pending' AND card.confidence >= $3 AND card.confidence <= $4
          AND ($5::text IS NULL OR card.from_node_id = $5)
          AND ($6::text IS NULL OR card.to_node_id = $6)
          AND ($7::text IS NULL OR card.from_node_id = $7 OR card.to_node_id = $7)
          AND ($8::text IS NULL OR card.relationship_type = $8)
          AND ($9::text IS NULL OR card.maxima ? $9)
          AND ($10::text IS NULL OR card.id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $10)))
        LIMIT $11
    ) AS others
) AS held_by_others, (
    SELECT count(*)
    FROM (
        SELECT
        FROM (
            SELECT id, maxima, endorsed_by FROM suggestions
            WHERE scope = $1 AND status = 'pending' AND confidence >= $3 AND confidence <= $4
              AND ($5::text IS NULL OR from_node_id = $5)
              AND ($6::text IS NULL OR to_node_id = $6)
              AND ($7::text IS NULL OR from_node_id = $7 OR to_node_id = $7)
              AND ($8::text IS NULL OR relationship_type = $8)
              AND ($10::text IS NULL OR id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $10)))
            LIMIT $12
        ) AS card
        WHERE ($9::text IS NULL OR card.maxima ? $9)
          AND $2 <> ALL(card.endorsed_by)
          AND NOT EXISTS (
              SELECT FROM review_leases WHERE suggestion_id = card.id AND expires_at > statement_timestamp() OFFSET 0
          )
          AND NOT EXISTS (SELECT FROM review_skips
               WHERE suggestion_id = card.id AND reviewer = $2 AND until > statement_timestamp() OFFSET 0)
          AND NOT EXISTS (SELECT FROM evidence WHERE suggestion_id = card.id AND $2 IN (proposed_by, on_behalf_of) OFFSET 0)
          AND NOT EXISTS (SELECT FROM suppressed_proposers WHERE suggestion_id = card.id AND proposed_by = $2 OFFSET 0)
        LIMIT $11
    ) AS free
) AS remaining;

-- name: insert_claim
-- Begin a batch.
INSERT INTO review_claims (id, scope, reviewer, card_order, claimed_at, touched_at)
VALUES ($1, $2, $3, $4, statement_timestamp(), statement_timestamp());

-- name: lease_cards
-- Lease the first $5 of some cards ($6; $7 whether by chance) that nobody has to claim $1 for $4 seconds, from place $8 on.
WITH free AS (
    SELECT card.id, wanted.place, wanted.is_random
    FROM unnest($6::uuid[], $7::boolean[]) WITH ORDINALITY AS wanted (id, is_random, place)
    JOIN suggestions AS card ON card.id = wanted.id
    WHERE card.status = 'pending' AND NOT EXISTS (
        SELECT FROM review_leases AS held
        WHERE held.suggestion_id = card.id AND held.expires_at > statement_timestamp()
    )
    ORDER BY wanted.place
    LIMIT $5
    FOR NO KEY UPDATE OF card SKIP LOCKED
)
INSERT INTO review_leases AS held (
    suggestion_id, claim_id, scope, reviewer, place, is_random, leased_at, expires_at
)
SELECT id, $1, $2, $3, $8 + place, is_random, statement_timestamp(),
       statement_timestamp() + make_interval(secs => $4)
FROM free
ORDER BY id
ON CONFLICT (suggestion_id) DO UPDATE
SET claim_id = excluded.claim_id, scope = excluded.scope, reviewer = excluded.reviewer, place = excluded.place,
    is_random = excluded.is_random, leased_at = excluded.leased_at, expires_at = excluded.expires_at
WHERE held.expires_at <= statement_timestamp()
RETURNING suggestion_id;

-- name: held_count
-- How many cards a reviewer has in a scope.
SELECT count(*) FROM review_leases WHERE scope = $1 AND reviewer = $2 AND expires_at > statement_timestamp();

-- name: claim
-- A batch, of its reviewer.
SELECT id, scope, card_order, claimed_at FROM review_claims WHERE id = $1 AND reviewer = $2;

-- name: claims_of
-- The batches of a reviewer in a scope that have cards, the youngest first.
SELECT claim.id, claim.scope, claim.card_order, claim.claimed_at
FROM review_claims AS claim
WHERE claim.id = ANY(ARRAY(
    SELECT DISTINCT claim_id FROM review_leases
    WHERE scope = $1 AND reviewer = $2 AND expires_at > statement_timestamp()
))
  AND (claim.claimed_at, claim.id) < ($3::timestamptz, $4::uuid)
ORDER BY claim.claimed_at DESC, claim.id DESC
LIMIT $5;

-- name: leases_of
-- The cards that claims still have, in their order.
SELECT claim_id, suggestion_id, is_random, expires_at
FROM review_leases
WHERE scope = $1 AND reviewer = $2 AND claim_id = ANY($3::uuid[]) AND expires_at > statement_timestamp()
ORDER BY claim_id, place;

-- name: renew
-- Keep the cards of a claim for $4 seconds from now; one that somebody has locked is about to be decided.
UPDATE review_leases
SET expires_at = statement_timestamp() + make_interval(secs => $4)
WHERE suggestion_id = ANY(ARRAY(
    SELECT suggestion_id FROM review_leases
    WHERE scope = $1 AND reviewer = $2 AND claim_id = $3
    FOR UPDATE SKIP LOCKED
));

-- name: release
-- Give cards of a claim back, or all where none are named; one that somebody has locked is about to be decided.
DELETE FROM review_leases
WHERE suggestion_id = ANY(ARRAY(
    SELECT suggestion_id FROM review_leases
    WHERE scope = $1 AND reviewer = $2 AND claim_id = $3 AND ($4::uuid[] IS NULL OR suggestion_id = ANY($4))
    FOR UPDATE SKIP LOCKED
))
RETURNING suggestion_id;

-- name: skip
-- Offer cards to a reviewer no more for $3 seconds.
INSERT INTO review_skips (suggestion_id, reviewer, until)
SELECT skipped, $2, statement_timestamp() + make_interval(secs => $3)
FROM unnest($1::uuid[]) AS skipped
ORDER BY skipped
ON CONFLICT (suggestion_id, reviewer) DO UPDATE SET until = excluded.until;

-- name: touch
-- Note that the reviewer of a claim is done with a card of it.
UPDATE review_claims SET touched_at = statement_timestamp() WHERE id = $1;

-- name: time_taken
-- How long a reviewer has had a card before them: since the lease began, or since they were done with the one before.
SELECT extract(epoch FROM clock_timestamp() - greatest(held.leased_at, claim.touched_at))::float8
FROM review_leases AS held
JOIN review_claims AS claim ON claim.id = held.claim_id
WHERE held.suggestion_id = $1 AND held.reviewer = $2;

-- name: forget_old
-- Delete what ended a day ago, a little at a time.
WITH leases AS (
    DELETE FROM review_leases WHERE suggestion_id = ANY(ARRAY(
        SELECT suggestion_id FROM review_leases WHERE expires_at < statement_timestamp() - interval '1 day'
        ORDER BY expires_at LIMIT 200 FOR UPDATE SKIP LOCKED
    ))
), skips AS (
    DELETE FROM review_skips WHERE (suggestion_id, reviewer) IN (
        SELECT suggestion_id, reviewer FROM review_skips WHERE until < statement_timestamp()
        ORDER BY until LIMIT 200 FOR UPDATE SKIP LOCKED
    )
)
DELETE FROM review_claims WHERE id = ANY(ARRAY(
    SELECT id FROM review_claims AS claim
    WHERE touched_at < statement_timestamp() - interval '2 days' AND NOT EXISTS (
        SELECT FROM review_leases AS held
        WHERE held.scope = claim.scope AND held.reviewer = claim.reviewer AND held.claim_id = claim.id
    )
    ORDER BY touched_at LIMIT 200 FOR UPDATE SKIP LOCKED
));

-- name: cards
-- Suggestions as a reviewer sees them: with what the strongest evidence says, and what is known of their nodes.
SELECT card.*, strongest.reasoning, strongest.payload,
       from_node.label AS from_label, from_node.kind AS from_kind, from_node.content AS from_content,
       from_node.updated_at AS from_updated_at, encode(from_node.content_hash, 'hex') AS from_content_hash,
       to_node.label AS to_label, to_node.kind AS to_kind, to_node.content AS to_content,
       to_node.updated_at AS to_updated_at, encode(to_node.content_hash, 'hex') AS to_content_hash
FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place)
JOIN suggestions AS card ON card.id = wanted.id
LEFT JOIN evidence AS strongest ON strongest.suggestion_id = card.id AND strongest.digest = card.strongest
LEFT JOIN nodes AS from_node ON from_node.scope = card.scope AND from_node.id = card.from_node_id
LEFT JOIN nodes AS to_node ON to_node.scope = card.scope AND to_node.id = card.to_node_id
ORDER BY wanted.place;

-- name: evidence_of
-- The latest evidence of cards, at most $2 pieces of each, oldest first, without their payloads.
SELECT latest.*
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT suggestion_id, id, source_model, analysis_run_id, confidence, strength, reasoning, NULL::json AS payload,
           proposed_by, on_behalf_of, proposed_at
    FROM evidence WHERE suggestion_id = wanted.id
    ORDER BY proposed_at DESC, id DESC LIMIT $2
) AS latest
ORDER BY latest.suggestion_id, latest.proposed_at, latest.id;

-- name: decisions_on
-- The latest decisions on cards, at most $2 on each, oldest first.
SELECT latest.*
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT * FROM decisions WHERE suggestion_id = wanted.id ORDER BY revision DESC LIMIT $2
) AS latest
ORDER BY latest.suggestion_id, latest.revision;
