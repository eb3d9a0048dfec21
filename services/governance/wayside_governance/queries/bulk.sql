-- Statements of bulks. The row of a bulk is locked before its suggestions; nobody locks them the other way round.

-- name: insert
-- A new bulk.
INSERT INTO bulks (
    id, state, matched, expires_at, scope, action, asked_by, asked_for, reason_code, note, undo_of, asked_at, changed_at
)
VALUES ($1, $2, $3, statement_timestamp() + make_interval(secs => $4), $5, $6, $7, $8, $9, $10, $11,
        statement_timestamp(), statement_timestamp())
RETURNING *;

-- name: note_matches
-- Note which pending suggestions a filter finds, at most $10, in the order in which they were proposed, for so the indexes
-- are written that are appended to; returns how many.
WITH noted AS (
    INSERT INTO bulk_items (bulk_id, position, suggestion_id, revision)
    SELECT $1, row_number() OVER (ORDER BY id), id, revision
    FROM (
        SELECT id, revision FROM suggestions AS one
        WHERE one.scope = $2 AND one.status = 'pending'
          AND one.confidence >= $3 AND one.confidence <= $4
          AND ($5::text IS NULL OR one.from_node_id = $5)
          AND ($6::text IS NULL OR one.to_node_id = $6)
          AND ($7::text IS NULL OR one.from_node_id = $7 OR one.to_node_id = $7)
          AND ($8::text IS NULL OR one.relationship_type = $8)
          AND ($9::text IS NULL OR one.maxima ? $9)
          AND ($11::text IS NULL
               OR one.id = ANY(ARRAY(SELECT suggestion_id FROM evidence WHERE analysis_run_id = $11)))
        LIMIT $10
    ) AS found
    RETURNING 1
)
SELECT count(*) FROM noted;

-- name: note_targets
-- Note which suggestions were named, in the order given.
INSERT INTO bulk_items (bulk_id, position, suggestion_id, revision)
SELECT $1, position, suggestion_id, revision
FROM unnest($2::uuid[], $3::bigint[]) WITH ORDINALITY AS named (suggestion_id, revision, position);

-- name: note_decided
-- Note what another bulk decided; returns how many. What followed from a decision is taken back with it.
WITH noted AS (
    INSERT INTO bulk_items (bulk_id, position, suggestion_id, undoes)
    SELECT $1, row_number() OVER (ORDER BY suggestion_id), suggestion_id, id
    FROM decisions WHERE bulk_id = $2 AND verdict IN ('approve', 'endorse', 'reject')
    RETURNING 1
)
SELECT count(*) FROM noted;

-- name: sample
-- The surest of what was noted, as they are shown.
SELECT found.*, strongest.reasoning
FROM bulk_items AS item
JOIN suggestions AS found ON found.id = item.suggestion_id
LEFT JOIN evidence AS strongest ON strongest.suggestion_id = found.id AND strongest.digest = found.strongest
WHERE item.bulk_id = $1 AND found.scope = $2
ORDER BY found.confidence DESC, found.id DESC
LIMIT $3;

-- name: count_visible
-- How many of what was noted are in the scope.
SELECT count(*) FROM bulk_items AS item JOIN suggestions AS found ON found.id = item.suggestion_id
WHERE item.bulk_id = $1 AND found.scope = $2;

-- name: read
-- One bulk.
SELECT * FROM bulks WHERE id = $1;

-- name: lock
-- One bulk, which nobody else works on until the transaction ends.
SELECT *, expires_at < statement_timestamp() AS is_expired FROM bulks WHERE id = $1 FOR NO KEY UPDATE;

-- name: set_matched
-- Say how many were found.
UPDATE bulks SET matched = $2 WHERE id = $1 RETURNING *;

-- name: let_expire
-- Let the dry runs of somebody ($2) in a scope expire, all but the latest $3.
UPDATE bulks SET expires_at = statement_timestamp() - interval '1 second'
WHERE state = 'preview' AND id = ANY(ARRAY(
    SELECT id FROM bulks
    WHERE state = 'preview' AND expires_at > statement_timestamp() AND scope = $1 AND asked_by = $2
    ORDER BY asked_at DESC, id DESC
    OFFSET $3
));

-- name: begin
-- Let a bulk run that was a dry run.
UPDATE bulks SET state = 'running', expires_at = NULL, changed_at = statement_timestamp() WHERE id = $1 RETURNING *;

-- name: items_after
-- The next items to work on.
SELECT position, suggestion_id, revision, undoes FROM bulk_items
WHERE bulk_id = $1 AND position > $2 ORDER BY position LIMIT $3;

-- name: advance
-- Count what has been worked on.
UPDATE bulks
SET handled = handled + $2 + $3 + $4, decided = decided + $2, changed = changed + $3, refused = refused + $4,
    changed_at = statement_timestamp()
WHERE id = $1
RETURNING *;

-- name: keep_failures
-- Keep what was not decided, and why.
INSERT INTO bulk_failures (bulk_id, position, suggestion_id, outcome, problem)
SELECT $1, position, suggestion_id, outcome, problem::json
FROM unnest($2::int[], $3::uuid[], $4::text[], $5::text[]) AS failed (position, suggestion_id, outcome, problem);

-- name: finish
-- End a bulk that runs.
UPDATE bulks SET state = $2, finished_at = statement_timestamp(), changed_at = statement_timestamp()
WHERE id = $1 AND state = 'running' RETURNING *;

-- name: set_job
-- Remember the job that works on it.
UPDATE bulks SET job_id = $2, changed_at = statement_timestamp() WHERE id = $1 RETURNING *;

-- name: failures
-- What was not decided, in the order of the work.
SELECT position, suggestion_id, outcome, problem FROM bulk_failures
WHERE bulk_id = $1 AND position > $2 ORDER BY position LIMIT $3;

-- name: undo_of
-- The bulk that takes another one back.
SELECT id FROM bulks WHERE undo_of = $1 AND state IN ('running', 'done');

-- name: quiet
-- Bulks that should run and that nobody has worked on for a while.
SELECT * FROM bulks WHERE state = 'running' AND changed_at < statement_timestamp() - make_interval(secs => $1)
ORDER BY changed_at LIMIT $2;

-- name: list_of_scope
-- Bulks of a scope, the latest first.
SELECT * FROM bulks
WHERE scope = $1 AND state <> 'preview' AND (asked_at, id) < ($2::timestamptz, $3::uuid)
ORDER BY asked_at DESC, id DESC LIMIT $4;

-- name: drop_items
-- Delete items nobody needs any more, a batch: of dry runs that expired, and of bulks that are over; returns how many.
WITH over AS (
    SELECT id FROM bulks WHERE state = 'preview' AND expires_at < statement_timestamp()
    UNION ALL
    SELECT id FROM bulks WHERE finished_at IS NOT NULL AND has_items
), gone AS (
    DELETE FROM bulk_items WHERE (bulk_id, position) IN (
        SELECT bulk_id, position FROM bulk_items WHERE bulk_id = ANY(ARRAY(SELECT id FROM over)) LIMIT $1
    )
    RETURNING 1
)
SELECT count(*) FROM gone;

-- name: note_emptied
-- Note which bulks that are over have no items any more, so that nobody looks for some again.
UPDATE bulks SET has_items = false
WHERE finished_at IS NOT NULL AND has_items AND NOT EXISTS (SELECT FROM bulk_items WHERE bulk_id = bulks.id);

-- name: drop_previews
-- Delete dry runs that expired, once their items are gone, a batch; returns how many.
WITH gone AS (
    DELETE FROM bulks WHERE id IN (
        SELECT id FROM bulks
        WHERE state = 'preview' AND expires_at < statement_timestamp()
          AND NOT EXISTS (SELECT FROM bulk_items WHERE bulk_id = bulks.id)
        LIMIT $1
    )
    RETURNING 1
)
SELECT count(*) FROM gone;
