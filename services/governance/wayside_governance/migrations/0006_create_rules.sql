-- What a scope has laid down: its settings, its types of relationships, and what the database itself holds to.

CREATE TABLE scope_settings (
    scope text COLLATE "C" PRIMARY KEY,
    revision bigint NOT NULL,
    reason_codes text[] COLLATE "C", -- NULL: those of the service's settings
    reason_labels text[],
    refuses_unknown_nodes boolean NOT NULL DEFAULT false,
    pending_ttl_seconds bigint,
    retention jsonb NOT NULL DEFAULT '{}',
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE TABLE relationship_types (
    scope text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    is_functional boolean NOT NULL,
    required_approvals smallint NOT NULL,
    revision bigint NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (scope, name),
    CONSTRAINT relationship_types_approvals CHECK (required_approvals BETWEEN 1 AND 2)
);

-- Of a functional type a node has one edge. Two that are approved at the same moment lock different suggestions: this
-- index is where they meet.
ALTER TABLE edges ADD COLUMN is_functional boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX edges_functional ON edges (scope, from_node_id, relationship_type) WHERE is_functional;

-- Which suggestions an approval superseded, for its undo.
CREATE INDEX decisions_linked ON decisions (linked_to) WHERE linked_to IS NOT NULL;
CREATE INDEX decisions_bulk ON decisions (bulk_id, suggestion_id) WHERE bulk_id IS NOT NULL;

-- Verdicts as they are asked for, and as they are written: one array each.
CREATE TYPE asked_verdict AS (
    id uuid,
    verdict text,
    reviewed_by text,
    reason_code text,
    scope text,
    from_node_id text,
    to_node_id text,
    relationship_type text,
    needs_nodes boolean
);

CREATE TYPE new_decision AS (
    suggestion_id uuid,
    revision bigint,
    id uuid,
    status text,
    verdict text,
    reviewed_by text,
    reviewed_at timestamptz,
    reason_code text,
    note text,
    policy_id uuid,
    policy_version text,
    bulk_id uuid,
    linked_to uuid,
    imported_at timestamptz,
    time_taken_seconds double precision,
    edge_id uuid,
    undoes uuid,
    fingerprints bytea[],
    endorsed_by text[],
    remembered bytea[],
    expires_at timestamptz
);

CREATE TYPE new_edge AS (
    id uuid,
    scope text,
    from_node_id text,
    to_node_id text,
    relationship_type text,
    revision bigint,
    confidence double precision,
    strength double precision,
    suggestion_id uuid,
    decision_id uuid,
    created_by text,
    is_functional boolean
);

-- What the evidence says again, once an approval that kept new evidence uncounted is undone.
CREATE TYPE new_standing AS (
    id uuid,
    confidence double precision,
    strength double precision,
    evidence_count integer,
    maxima text,
    strongest bytea,
    source_model text,
    analysis_run_id text,
    proposed_by text
);
