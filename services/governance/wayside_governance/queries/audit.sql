-- Statements of the audit chain.

-- name: append
-- Append entries to the chains of their scopes.
SELECT append_audit($1::new_audit_entry[]);

-- name: list_entries
-- Entries of a scope, the latest first, before position $7.
SELECT position, at, actor, action, subject, entry, previous, hash
FROM audit
WHERE scope = $1
  AND ($2::text IS NULL OR actor = $2)
  AND ($3::text IS NULL OR action = $3)
  AND ($4::text IS NULL OR subject = $4)
  AND ($5::timestamptz IS NULL OR at >= $5)
  AND ($6::timestamptz IS NULL OR at < $6)
  AND position < $7
ORDER BY position DESC
LIMIT $8;

-- name: head
-- The end of a scope's chain.
SELECT id, position, hash, sealed_position, seals FROM audit_heads WHERE scope = $1;

-- name: links
-- At most $3 entries of a scope's chain after a position.
SELECT position, at, actor, action, subject, entry, previous, hash
FROM audit
WHERE scope = $1 AND position > $2
ORDER BY position
LIMIT $3;

-- name: hash_at
-- The hash at a position of a scope's chain.
SELECT hash FROM audit WHERE scope = $1 AND position = $2;

-- name: take_unsealed
-- Heads that moved since they were last made known, $1 seconds ago at least, as far as nobody else has locked them.
SELECT scope, id, position, hash, seals, statement_timestamp() AS at
FROM audit_heads
WHERE position > sealed_position AND sealed_at <= statement_timestamp() - make_interval(secs => $1)
ORDER BY scope
LIMIT $2
FOR NO KEY UPDATE SKIP LOCKED;

-- name: seal
-- Remember which heads were made known.
UPDATE audit_heads AS head
SET sealed_position = said.position, sealed_at = statement_timestamp(), seals = head.seals + 1
FROM unnest($1::text[], $2::bigint[]) AS said (scope, position)
WHERE head.scope = said.scope;
