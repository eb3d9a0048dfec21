-- name: try_lock
-- Become the one active relay of this schema, for as long as the session lives.
SELECT pg_try_advisory_lock(hashtextextended('wayside.outbox.' || current_schema(), 0));

-- name: commit_without_wait
-- Let the session's commits not wait for the disk: after a crash, deleted rows come back and are found to be stored.
SET synchronous_commit = off;

-- name: commit_with_wait
-- Except for this transaction's.
SET LOCAL synchronous_commit = on;

-- name: read_batch
-- The oldest rows, with at most $1 events and $2 bytes, but at least one.
SELECT id, events, messages, extract(epoch FROM clock_timestamp() - added_at)::float8 AS age_seconds
FROM (
    SELECT *, sum(events) OVER so_far AS events_so_far, sum(octet_length(messages)) OVER so_far AS bytes_so_far,
           row_number() OVER so_far AS position
    FROM (SELECT * FROM outbox ORDER BY id LIMIT $1) AS oldest
    WINDOW so_far AS (ORDER BY id ROWS UNBOUNDED PRECEDING)
) AS measured
WHERE (events_so_far <= $1 AND bytes_so_far <= $2) OR position = 1
ORDER BY id;

-- name: newest_id
-- The highest id there is.
SELECT coalesce(max(id), 0) FROM outbox;

-- name: delete_rows
-- Forget what the stream has.
DELETE FROM outbox WHERE id = ANY($1::bigint[]);

-- name: bury_message
-- Move a refused message aside; its row $1 keeps the $2 others, framed as $3.
WITH remaining AS (
    UPDATE outbox SET events = $2, messages = $3 WHERE id = $1 RETURNING added_at
)
INSERT INTO outbox_dead (row_id, subject, message_id, payload, reason, added_at)
SELECT $1, $4, $5, $6, $7, added_at FROM remaining;

-- name: bury_row
-- Move a row aside that cannot be read.
WITH unreadable AS (
    DELETE FROM outbox WHERE id = $1 RETURNING messages, added_at
)
INSERT INTO outbox_dead (row_id, payload, reason, added_at)
SELECT $1, messages, $2, added_at FROM unreadable;

-- name: measure
-- How many events wait, in at most $1 rows, and how old the oldest is.
SELECT (SELECT coalesce(sum(events), 0) FROM (SELECT events FROM outbox LIMIT $1) AS counted) AS pending,
       coalesce(
           (SELECT extract(epoch FROM clock_timestamp() - added_at)::float8 FROM outbox ORDER BY id LIMIT 1), 0
       ) AS oldest_seconds;
