-- Statements of what a scope lays down.

-- name: settings
-- The settings of a scope.
SELECT * FROM scope_settings WHERE scope = $1;

-- name: put_settings
-- Replace the settings of a scope if they are at revision $2, where one is given; returns the new revision.
INSERT INTO scope_settings AS stored (
    scope, revision, reason_codes, reason_labels, refuses_unknown_nodes, pending_ttl_seconds, retention, changed_by,
    changed_at
)
SELECT $1, 1, $3, $4, $5, $6, $7, $8, statement_timestamp()
WHERE coalesce($2::bigint, 0) = 0 OR EXISTS (SELECT FROM scope_settings WHERE scope = $1)
ON CONFLICT (scope) DO UPDATE
SET revision = stored.revision + 1, reason_codes = excluded.reason_codes, reason_labels = excluded.reason_labels,
    refuses_unknown_nodes = excluded.refuses_unknown_nodes, pending_ttl_seconds = excluded.pending_ttl_seconds,
    retention = excluded.retention, changed_by = excluded.changed_by, changed_at = excluded.changed_at
WHERE $2 IS NULL OR stored.revision = $2
RETURNING *;

-- name: type
-- A declared type of relationship.
SELECT * FROM relationship_types WHERE scope = $1 AND name = $2;

-- name: list_types
-- The declared types of a scope after a name.
SELECT * FROM relationship_types WHERE scope = $1 AND name > $2 ORDER BY name LIMIT $3;

-- name: put_type
-- Declare a type of relationship, or change it.
INSERT INTO relationship_types AS stored (
    scope, name, is_functional, required_approvals, revision, changed_by, changed_at
) VALUES ($1, $2, $3, $4, 1, $5, statement_timestamp())
ON CONFLICT (scope, name) DO UPDATE
SET is_functional = excluded.is_functional, required_approvals = excluded.required_approvals,
    revision = stored.revision + 1, changed_by = excluded.changed_by, changed_at = excluded.changed_at
RETURNING *;

-- name: delete_type
-- Forget a declared type.
DELETE FROM relationship_types WHERE scope = $1 AND name = $2 RETURNING *, statement_timestamp() AS deleted_at;
