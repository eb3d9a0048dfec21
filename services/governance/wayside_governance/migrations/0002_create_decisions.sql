-- The decisions on suggestions, and the graph of approved edges.

-- No foreign key: whoever appends has locked the suggestion, and a check for every row would cost more than the row.
CREATE TABLE decisions (
    suggestion_id uuid NOT NULL,
    revision bigint NOT NULL,
    id uuid NOT NULL,
    scope text COLLATE "C" NOT NULL,
    verdict text COLLATE "C" NOT NULL,
    reviewed_by text NOT NULL,
    reviewed_at timestamptz NOT NULL,
    reason_code text,
    note text,
    confidence_shown double precision NOT NULL,
    evidence_shown integer NOT NULL,
    policy_id uuid,
    policy_version text,
    bulk_id uuid,
    linked_to uuid,
    sources_shown jsonb NOT NULL DEFAULT '{}',
    imported_at timestamptz,
    time_taken_seconds double precision,
    edge_id uuid,
    undoes uuid,
    fingerprints bytea[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (suggestion_id, revision),
    CONSTRAINT decisions_verdict CHECK (
        verdict IN ('approve', 'endorse', 'reject', 'supersede', 'expire', 'withdraw', 'undo')
    ),
    CONSTRAINT decisions_reason CHECK (verdict <> 'reject' OR reason_code IS NOT NULL),
    CONSTRAINT decisions_edge CHECK ((verdict = 'approve') = (edge_id IS NOT NULL)),
    CONSTRAINT decisions_undo CHECK ((verdict = 'undo') = (undoes IS NOT NULL))
);

-- Decisions as they were recorded: what an export reads along.
CREATE INDEX decisions_by_time ON decisions (scope, (coalesce(imported_at, reviewed_at)), id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;

CREATE TRIGGER decisions_append_only BEFORE UPDATE OR DELETE ON decisions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE edges (
    id uuid PRIMARY KEY,
    scope text COLLATE "C" NOT NULL,
    from_node_id text COLLATE "C" NOT NULL,
    to_node_id text COLLATE "C" NOT NULL,
    relationship_type text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    confidence double precision NOT NULL,
    strength double precision,
    suggestion_id uuid,
    decision_id uuid,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT edges_no_loop CHECK (from_node_id <> to_node_id),
    CONSTRAINT edges_confidence CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT edges_revision CHECK (revision > 0)
);

-- The type before the other end: a walk over one type passes none of the others, however many edges a node has. With the id a
-- walk reads nothing but an index.
CREATE UNIQUE INDEX edges_claim ON edges (scope, from_node_id, relationship_type, to_node_id) INCLUDE (id);
CREATE INDEX edges_to ON edges (scope, to_node_id, relationship_type, from_node_id) INCLUDE (id);

-- By id alone the planner would walk the primary key over every scope.
CREATE INDEX edges_by_time ON edges (scope, created_at, id);
CREATE INDEX edges_from_by_time ON edges (scope, from_node_id, created_at, id);
CREATE INDEX edges_to_by_time ON edges (scope, to_node_id, created_at, id);
