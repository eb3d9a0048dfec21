-- name: try_lock
-- Become the one active relay of this schema, for as long as the session lives.
SELECT pg_try_advisory_lock(hashtextextended('wayside.outbox.' || current_schema(), 0));

-- name: read_batch
-- The oldest rows, at most $1 of them and about $2 bytes, but at least one.
SELECT id, entity, revision, type, subject, message_id, payload,
       extract(epoch FROM clock_timestamp() - added_at)::float8 AS age_seconds
FROM (
    SELECT *, sum(octet_length(payload)) OVER (ORDER BY id) AS bytes, row_number() OVER (ORDER BY id) AS position
    FROM (SELECT * FROM outbox ORDER BY id LIMIT $1) AS oldest
) AS measured
WHERE bytes <= $2 OR position = 1
ORDER BY id;

-- name: newest_id
-- The highest id there is.
SELECT coalesce(max(id), 0) FROM outbox;

-- name: delete_rows
-- Forget what the stream has.
DELETE FROM outbox WHERE id = ANY($1::bigint[]);

-- name: bury_row
-- Move a refused message aside.
WITH refused AS (
    DELETE FROM outbox WHERE message_id = $1
    RETURNING id, entity, revision, type, subject, message_id, payload, added_at
)
INSERT INTO outbox_dead (id, entity, revision, type, subject, message_id, payload, added_at, reason)
SELECT *, $2 FROM refused;

-- name: measure
-- How many rows wait, counted up to $1, and how old the oldest is.
SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS counted) AS pending,
       coalesce(
           (SELECT extract(epoch FROM clock_timestamp() - added_at)::float8 FROM outbox ORDER BY id LIMIT 1), 0
       ) AS oldest_seconds;
