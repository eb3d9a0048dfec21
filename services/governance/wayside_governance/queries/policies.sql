-- Statements of policies and their versions.

-- name: lock_policy_named
-- The policy of a name ($1 scope, $2 name), deleted or not, for a change.
SELECT * FROM policies WHERE scope = $1 AND name = $2 FOR UPDATE;

-- name: lock_policy
-- A policy, for a change of its state.
SELECT * FROM policies WHERE id = $1 AND deleted_at IS NULL FOR UPDATE;

-- name: insert_policy
-- Add a policy, unless the name is taken at this moment.
INSERT INTO policies (id, scope, name, version, revision, state, changed_by, changed_at)
VALUES ($1, $2, $3, 1, 1, 'disabled', $4, $5)
ON CONFLICT (scope, name) DO NOTHING
RETURNING *;

-- name: count_policies
-- How many policies a scope has.
SELECT count(*) FROM policies WHERE scope = $1 AND deleted_at IS NULL;

-- name: append_version
-- Keep a version.
INSERT INTO policy_versions (policy_id, version, description, document, created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: write_policy
-- Write what a change made of a locked policy.
UPDATE policies
SET version = $2, revision = $3, state = $4, changed_by = $5, changed_at = $6, enabled_at = $7, suspension = $8,
    deleted_at = $9
WHERE id = $1;

-- name: begin_walk
-- Let a policy look at all that waits, now and, for what is proposed at this moment, once more at $2.
INSERT INTO policy_walks (policy_id, at, after_id, again_at)
VALUES ($1, 'epoch', '00000000-0000-0000-0000-000000000000', $2)
ON CONFLICT (policy_id) DO UPDATE
SET at = excluded.at, after_id = excluded.after_id, again_at = excluded.again_at, qualified = '{}';

-- name: policy
-- A policy with its present version.
SELECT policy.*, present.description, present.document, present.created_by, present.created_at
FROM policies AS policy
JOIN policy_versions AS present ON present.policy_id = policy.id AND present.version = policy.version
WHERE policy.id = $1 AND policy.deleted_at IS NULL;

-- name: policies
-- A page of the policies of a scope, by name: $3 after $2.
SELECT policy.*, present.description, present.document, present.created_by, present.created_at
FROM policies AS policy
JOIN policy_versions AS present ON present.policy_id = policy.id AND present.version = policy.version
WHERE policy.scope = $1 AND policy.name > $2 AND policy.deleted_at IS NULL
ORDER BY policy.name
LIMIT $3;

-- name: versions
-- A page of the versions of a policy, the newest first: $3 before $2.
SELECT present.*, policy.name
FROM policy_versions AS present
JOIN policies AS policy ON policy.id = present.policy_id
WHERE present.policy_id = $1 AND present.version < $2
ORDER BY present.version DESC
LIMIT $3;

-- name: version
-- One version of a policy.
SELECT present.*, policy.name
FROM policy_versions AS present
JOIN policies AS policy ON policy.id = present.policy_id
WHERE present.policy_id = $1 AND present.version = $2;

-- name: scope_of_policy
-- The scope of a policy, deleted or not: its versions stay readable.
SELECT scope FROM policies WHERE id = $1;

-- name: scopes_with_policies
-- The scopes in which any policy acts.
SELECT DISTINCT scope FROM policies WHERE state = 'enabled';

-- name: hold_acting
-- The policies that act in a scope; none of them is changed until the transaction ends.
SELECT policy.*, present.document, walk.at IS NOT NULL AS is_walking, walk.qualified
FROM policies AS policy
JOIN policy_versions AS present ON present.policy_id = policy.id AND present.version = policy.version
JOIN policy_walks AS walk ON walk.policy_id = policy.id
WHERE policy.scope = $1 AND policy.state = 'enabled'
ORDER BY policy.name
FOR SHARE OF policy;

-- name: take_unevaluated
-- Suggestions of a scope that no policy has looked at, at most $2; what others hold is left to them.
SELECT one.id, one.revision, one.relationship_type, one.confidence, one.strength, one.source_model, one.maxima,
       one.held_out_by, one.held_out_version
FROM suggestions AS one
WHERE one.scope = $1 AND one.is_unevaluated AND one.status = 'pending'
ORDER BY one.id
LIMIT $2
FOR NO KEY UPDATE OF one SKIP LOCKED;

-- name: walk_of
-- The place of a policy's walk over what waits, for who goes on with it; none when another instance does.
SELECT at, after_id FROM policy_walks WHERE policy_id = $1 AND at IS NOT NULL FOR UPDATE SKIP LOCKED;

-- name: walk_on
-- The suggestions that wait, $4 after a place, as far as a policy may fire on them: types $5, and from confidence $6 on.
SELECT id, created_at,
       ($5::text[] = '{}' OR relationship_type = ANY($5)) AND confidence >= $6 AS is_wanted
FROM suggestions
WHERE scope = $1 AND status = 'pending' AND (created_at, id) > ($2, $3)
ORDER BY created_at, id
LIMIT $4;

-- name: lock_waiting
-- Those of the suggestions given that wait, for a decision, in the order in which everybody locks.
SELECT one.id, one.revision, one.relationship_type, one.confidence, one.strength, one.source_model, one.maxima,
       one.held_out_by, one.held_out_version
FROM suggestions AS one
WHERE one.id = ANY($1::uuid[]) AND one.status = 'pending'
ORDER BY one.scope, one.from_node_id, one.to_node_id, one.relationship_type
FOR NO KEY UPDATE OF one;

-- name: judged
-- Those of some suggestions that a person has decided on, ever: as it is once they are locked.
SELECT DISTINCT suggestion_id
FROM decisions
WHERE suggestion_id = ANY($1::uuid[]) AND policy_id IS NULL
  AND verdict IN ('approve', 'endorse', 'reject', 'supersede', 'undo');

-- name: candidate
-- What policies look at of one suggestion.
SELECT one.id, one.scope, one.relationship_type, one.confidence, one.strength, one.source_model, one.maxima
FROM suggestions AS one
WHERE one.id = $1;

-- name: move_walk
-- Note how far a policy's walk is; without a place it is over.
UPDATE policy_walks SET at = $2, after_id = $3 WHERE policy_id = $1;

-- name: walk_again
-- Begin the second walks whose time has come, over what came from $1 before the policy was enabled.
UPDATE policy_walks AS walk
SET at = policy.enabled_at - $1::interval, after_id = '00000000-0000-0000-0000-000000000000', again_at = NULL
FROM policies AS policy
WHERE walk.again_at <= now() AND walk.at IS NULL AND policy.id = walk.policy_id AND policy.state = 'enabled';

-- name: note_qualified
-- Note what a policy acts on by now; where that is more than before ($3), let it look at all that waits.
UPDATE policy_walks
SET qualified = $2,
    at = CASE WHEN $3 THEN 'epoch' ELSE at END,
    after_id = CASE WHEN $3 THEN '00000000-0000-0000-0000-000000000000' ELSE after_id END
WHERE policy_id = $1;

-- name: write_evaluated
-- Note that policies have looked at suggestions, and which of them are held out.
UPDATE suggestions AS stored
SET is_unevaluated = false, held_out_by = new.policy_id, held_out_version = new.policy_version
FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS new (id, policy_id, policy_version)
WHERE stored.id = new.id AND stored.status = 'pending';

-- name: checks
-- What people said of a policy in a version since a time, the latest $4 first.
SELECT is_held_out, is_accepted
FROM policy_checks
WHERE policy_id = $1 AND policy_version = $2 AND checked_at >= $3
ORDER BY checked_at DESC
LIMIT $4;

-- name: measured
-- How many of a source's claims of a type people accepted ($2 types, $3 sources), stated from $4 to $5 sure: the latest $6.
SELECT pair.relationship_type, pair.source_model, latest.hits, latest.total
FROM unnest($2::text[], $3::text[]) AS pair (relationship_type, source_model)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE is_accepted) AS hits, count(*) AS total
    FROM (
        SELECT one.is_accepted
        FROM judgements AS one
        WHERE one.scope = $1 AND one.relationship_type = pair.relationship_type
          AND one.source_model = pair.source_model AND one.confidence BETWEEN $4 AND $5
        ORDER BY one.judged_at DESC
        LIMIT $6
    ) AS judged
) AS latest;

-- name: newly_judged
-- The types and sources among the latest $2 judgements of a scope.
SELECT DISTINCT relationship_type, source_model
FROM (
    SELECT relationship_type, source_model FROM judgements WHERE scope = $1 ORDER BY judged_at DESC LIMIT $2
) AS latest
WHERE source_model <> '';

-- name: history
-- The latest $2 claims that people judged, as they were shown.
SELECT latest.suggestion_id AS id, latest.is_accepted, suggestion.relationship_type,
       decision.confidence_shown AS confidence, suggestion.strength, suggestion.source_model,
       CASE decision.sources_shown WHEN '{}' THEN suggestion.maxima ELSE decision.sources_shown END AS maxima,
       latest.judged_at
FROM (
    SELECT suggestion_id, revision, is_accepted, judged_at
    FROM judgements
    WHERE scope = $1 AND source_model = ''
    ORDER BY judged_at DESC, suggestion_id DESC
    LIMIT $2
) AS latest
JOIN suggestions AS suggestion ON suggestion.id = latest.suggestion_id
JOIN decisions AS decision ON decision.suggestion_id = latest.suggestion_id AND decision.revision = latest.revision
ORDER BY latest.judged_at, latest.suggestion_id;

-- name: waiting
-- The latest $2 suggestions that wait in a scope.
SELECT one.id, one.relationship_type, one.confidence, one.strength, one.source_model, one.maxima
FROM suggestions AS one
WHERE one.scope = $1 AND one.status = 'pending'
ORDER BY one.created_at DESC, one.id DESC
LIMIT $2;
