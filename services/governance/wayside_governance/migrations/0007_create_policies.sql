-- Policies, what people said of the claims that policies are measured by, and of what policies did.

CREATE TABLE policies (
    id uuid PRIMARY KEY,
    scope text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    revision bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    enabled_at timestamptz,
    suspension jsonb,
    deleted_at timestamptz,
    CONSTRAINT policies_state CHECK (state IN ('disabled', 'enabled', 'suspended')),
    CONSTRAINT policies_deleted CHECK (deleted_at IS NULL OR state = 'disabled')
);

-- A name is never given to another policy: decisions name policies by it for ever.
CREATE UNIQUE INDEX policies_name ON policies (scope, name);
CREATE INDEX policies_enabled ON policies (scope) WHERE state = 'enabled';

CREATE TABLE policy_versions (
    policy_id uuid NOT NULL REFERENCES policies (id),
    version integer NOT NULL,
    description text,
    document jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (policy_id, version)
);

-- How far a policy is that looks at all that waits: since it was enabled or changed, or acts on more than before. A table of
-- its own, for whoever decides holds the policy's row shared.
CREATE TABLE policy_walks (
    policy_id uuid PRIMARY KEY REFERENCES policies (id),
    at timestamptz,
    after_id uuid,
    again_at timestamptz,
    qualified text[] NOT NULL DEFAULT '{}',
    CONSTRAINT policy_walks_place CHECK ((at IS NULL) = (after_id IS NULL))
);

CREATE TRIGGER policy_versions_append_only BEFORE UPDATE OR DELETE ON policy_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE INDEX suggestions_unevaluated ON suggestions (scope, id) WHERE is_unevaluated AND status = 'pending';

-- The verdict of a person who looked at one claim, while it is not taken back: for each source that stated it, and, with
-- an empty source, for all together.
CREATE TABLE judgements (
    suggestion_id uuid NOT NULL,
    source_model text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    relationship_type text COLLATE "C" NOT NULL,
    confidence double precision NOT NULL,
    is_accepted boolean NOT NULL,
    judged_at timestamptz NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (suggestion_id, source_model)
);

CREATE INDEX judgements_by_time ON judgements (scope, judged_at)
    INCLUDE (relationship_type, source_model, confidence, is_accepted);
CREATE INDEX judgements_by_source ON judgements (scope, relationship_type, source_model, judged_at)
    INCLUDE (confidence, is_accepted);
CREATE INDEX judgements_by_source_and_time ON judgements (scope, source_model, judged_at)
    INCLUDE (relationship_type, confidence, is_accepted);

-- What people said of a policy: of a held-out suggestion by deciding it, of a decision by undoing it.
CREATE TABLE policy_checks (
    suggestion_id uuid NOT NULL,
    policy_id uuid NOT NULL,
    policy_version text NOT NULL,
    is_held_out boolean NOT NULL,
    is_accepted boolean NOT NULL,
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (suggestion_id, policy_id, policy_version)
);

CREATE INDEX policy_checks_by_time ON policy_checks (policy_id, policy_version, checked_at)
    INCLUDE (is_held_out, is_accepted);

-- Finds the claims that more than one person had a say in.
CREATE INDEX decisions_second_looks ON decisions (scope, reviewed_at)
    WHERE verdict IN ('endorse', 'undo') AND policy_id IS NULL;

-- Decisions of policies and in bulk are no judgements: nobody looked at each, wherever it was.
-- The settings pin the plans: they are made once a session, perhaps while a table is empty.
CREATE FUNCTION keep_judgements() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$ BEGIN
    IF EXISTS (SELECT FROM added WHERE verdict = 'undo') THEN
        DELETE FROM judgements
        WHERE suggestion_id = ANY(ARRAY(SELECT suggestion_id FROM added WHERE verdict = 'undo'));

        DELETE FROM policy_checks
        WHERE suggestion_id = ANY(ARRAY(SELECT suggestion_id FROM added WHERE verdict = 'undo')) AND is_held_out;

        INSERT INTO policy_checks AS known
        SELECT undone.suggestion_id, undone.policy_id, undone.policy_version, false, undone.verdict <> 'approve',
               added.reviewed_at
        FROM added
        JOIN decisions AS undone ON undone.suggestion_id = added.suggestion_id AND undone.revision = added.revision - 1
        WHERE added.verdict = 'undo' AND added.policy_id IS NULL AND added.undoes = undone.id
          AND undone.policy_id IS NOT NULL AND undone.policy_version IS NOT NULL
        ON CONFLICT (suggestion_id, policy_id, policy_version) DO UPDATE
        SET is_held_out = excluded.is_held_out, is_accepted = excluded.is_accepted, checked_at = excluded.checked_at;
    END IF;

    IF NOT EXISTS (
        SELECT FROM added
        WHERE verdict IN ('approve', 'reject', 'supersede') AND policy_id IS NULL AND bulk_id IS NULL
    ) THEN
        RETURN NULL;
    END IF;

    DELETE FROM judgements
    WHERE suggestion_id = ANY(ARRAY(
        SELECT suggestion_id FROM added
        WHERE verdict IN ('approve', 'reject', 'supersede') AND policy_id IS NULL AND bulk_id IS NULL
    ));

    INSERT INTO judgements
    SELECT judged.suggestion_id, stated.source_model, judged.scope, suggestion.relationship_type, stated.confidence,
           judged.verdict = 'approve', judged.reviewed_at, judged.revision
    FROM added AS judged
    JOIN suggestions AS suggestion ON suggestion.id = judged.suggestion_id
    CROSS JOIN LATERAL (
        SELECT '' AS source_model, judged.confidence_shown AS confidence
        UNION ALL
        SELECT key, value::text::double precision
        FROM jsonb_each(CASE jsonb_typeof(judged.sources_shown) WHEN 'object' THEN judged.sources_shown ELSE '{}' END)
        WHERE jsonb_typeof(value) = 'number' AND key <> ''
    ) AS stated
    WHERE judged.verdict IN ('approve', 'reject', 'supersede') AND judged.policy_id IS NULL
      AND judged.reviewed_by NOT LIKE 'policy:%' AND judged.bulk_id IS NULL
    ON CONFLICT (suggestion_id, source_model) DO UPDATE
    SET confidence = excluded.confidence, is_accepted = excluded.is_accepted, judged_at = excluded.judged_at,
        revision = excluded.revision;

    INSERT INTO policy_checks AS known
    SELECT judged.suggestion_id, suggestion.held_out_by, suggestion.held_out_version, true,
           judged.verdict = 'approve', judged.reviewed_at
    FROM added AS judged
    JOIN suggestions AS suggestion ON suggestion.id = judged.suggestion_id
    WHERE judged.verdict IN ('approve', 'reject', 'supersede') AND judged.policy_id IS NULL
      AND judged.bulk_id IS NULL AND suggestion.held_out_by IS NOT NULL AND suggestion.held_out_version IS NOT NULL
    ON CONFLICT (suggestion_id, policy_id, policy_version) DO UPDATE
    SET is_held_out = excluded.is_held_out, is_accepted = excluded.is_accepted, checked_at = excluded.checked_at;
    RETURN NULL;
END $$;

CREATE TRIGGER decisions_judged AFTER INSERT ON decisions REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION keep_judgements();
