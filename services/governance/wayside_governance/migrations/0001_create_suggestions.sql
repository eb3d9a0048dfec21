-- Suggestions, the evidence for them, the decisions on them, and the graph of approved edges.
-- Names of nodes and types compare bytewise: faster, and no upgrade of a locale library changes an index.

CREATE TABLE nodes (
    scope text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    label text,
    kind text,
    content text,
    content_hash bytea NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (scope, id)
);

-- Part of a fingerprint; a node nothing is known of has the same as one that is not there.
CREATE FUNCTION content_hash(label text, kind text, content text) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT CASE num_nonnulls(label, kind, content)
        WHEN 0 THEN decode(repeat('00', 32), 'hex')
        ELSE sha256(convert_to(jsonb_build_array(label, kind, content)::text, 'UTF8'))
    END
$$;

-- One row per claim, for ever: a claim cannot be pending twice, and a rejection cannot be forgotten.
CREATE TABLE suggestions (
    id uuid PRIMARY KEY,
    scope text COLLATE "C" NOT NULL,
    from_node_id text COLLATE "C" NOT NULL,
    to_node_id text COLLATE "C" NOT NULL,
    relationship_type text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    confidence double precision NOT NULL,
    strength double precision,
    evidence_count integer NOT NULL,
    maxima jsonb NOT NULL,
    strongest bytea NOT NULL,
    source_model text NOT NULL,
    analysis_run_id text,
    proposed_by text NOT NULL,
    decision_id uuid,
    edge_id uuid,
    reviewed_by text,
    reviewed_at timestamptz,
    reason_code text,
    remembered bytea[] NOT NULL DEFAULT '{}',
    suppressed_count bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT suggestions_status CHECK (
        status IN ('pending', 'approved', 'rejected', 'superseded', 'expired', 'withdrawn')
    ),
    CONSTRAINT suggestions_no_loop CHECK (from_node_id <> to_node_id),
    CONSTRAINT suggestions_confidence CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT suggestions_revision CHECK (revision > 0),
    CONSTRAINT suggestions_edge CHECK ((status = 'approved') = (edge_id IS NOT NULL))
);

CREATE UNIQUE INDEX suggestions_claim ON suggestions (scope, from_node_id, to_node_id, relationship_type);
CREATE INDEX suggestions_to ON suggestions (scope, to_node_id);
CREATE INDEX suggestions_by_confidence ON suggestions (scope, status, confidence, id);
CREATE INDEX suggestions_by_age ON suggestions (scope, status, id);

-- No foreign key: intake writes evidence in the transaction that locked or made the suggestion, and a check for
-- every row would cost more than the row.
CREATE TABLE evidence (
    suggestion_id uuid NOT NULL,
    digest bytea NOT NULL,
    id uuid NOT NULL,
    payload_hash bytea NOT NULL,
    source_model text NOT NULL,
    analysis_run_id text,
    confidence double precision NOT NULL,
    strength double precision,
    reasoning text,
    payload jsonb,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    PRIMARY KEY (suggestion_id, digest)
);

CREATE INDEX evidence_run ON evidence (analysis_run_id, suggestion_id) WHERE analysis_run_id IS NOT NULL;

CREATE TABLE decisions (
    suggestion_id uuid NOT NULL REFERENCES suggestions (id),
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
    policy_version text,
    time_taken_seconds double precision,
    edge_id uuid,
    undoes uuid,
    fingerprints bytea[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (suggestion_id, revision),
    CONSTRAINT decisions_verdict CHECK (verdict IN ('approve', 'reject', 'undo')),
    CONSTRAINT decisions_reason CHECK (verdict <> 'reject' OR reason_code IS NOT NULL),
    CONSTRAINT decisions_edge CHECK ((verdict = 'approve') = (edge_id IS NOT NULL)),
    CONSTRAINT decisions_undo CHECK ((verdict = 'undo') = (undoes IS NOT NULL))
);

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

CREATE UNIQUE INDEX edges_claim ON edges (scope, from_node_id, to_node_id, relationship_type);
CREATE INDEX edges_to ON edges (scope, to_node_id, from_node_id);
CREATE INDEX edges_by_age ON edges (scope, id);

-- The outbox of one service. A service copies this text into a migration of its own.
-- A row holds the events of one transaction. Rows live for milliseconds: vacuum by count, never by share, and do not
-- compress what is deleted at once.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    events integer NOT NULL,
    messages bytea NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_threshold = -1,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 100000,
    autovacuum_vacuum_cost_delay = 0,
    toast.autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 20000,
    toast.autovacuum_vacuum_insert_threshold = -1,
    toast.autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE outbox ALTER COLUMN messages SET STORAGE EXTERNAL;

-- What the stream refused for good, kept for a person to look at: one message, or, without subject and message id, a
-- whole row that could not be read.
CREATE TABLE outbox_dead (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    row_id bigint NOT NULL,
    subject text,
    message_id text,
    payload bytea NOT NULL,
    added_at timestamptz NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text NOT NULL
);
