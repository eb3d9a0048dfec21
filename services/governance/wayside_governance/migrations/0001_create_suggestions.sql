-- Nodes, what is suggested about them, and the evidence for it.
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
    endorsed_by text[] NOT NULL DEFAULT '{}',
    held_out_by uuid,
    held_out_version text,
    is_unevaluated boolean NOT NULL DEFAULT false,
    expires_at timestamptz,
    keeps_content boolean NOT NULL DEFAULT true,
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

-- The type before the other end: rivals, which have one end and the type in common, lie side by side. The node before the
-- scope: no other index begins so, and a comparison of rows finds a claim by this one, statistics or not.
CREATE UNIQUE INDEX suggestions_claim ON suggestions (from_node_id, scope, relationship_type, to_node_id);
CREATE INDEX suggestions_to_by_status ON suggestions (scope, to_node_id, status, created_at, id);
CREATE INDEX suggestions_by_confidence ON suggestions (scope, status, confidence, id);

-- By time and not by id alone: where the primary key has the order of a list too, the planner may walk a million rows
-- along it to find none of a status that nobody has.
CREATE INDEX suggestions_by_time ON suggestions (scope, status, created_at, id);

-- Finds the suggestions of a rare type, which a walk in the order of a list meets late or never.
CREATE INDEX suggestions_by_type ON suggestions (scope, relationship_type, status, confidence, id);

-- A walk over ghost edges meets nothing but what waits, however often a node's claims were decided.
CREATE INDEX suggestions_waiting_from ON suggestions (scope, from_node_id, created_at, id) WHERE status = 'pending';

-- Only where scopes let suggestions expire, or have contents dropped, is there anything in these.
CREATE INDEX suggestions_expiring ON suggestions (scope, expires_at) WHERE status = 'pending' AND expires_at IS NOT NULL;
CREATE INDEX suggestions_kept ON suggestions (scope, status, updated_at) WHERE keeps_content AND status <> 'pending';

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
    payload json, -- as it came: jsonb writes 1e308 out in full, and 64 KiB of such numbers are megabytes
    proposed_by text NOT NULL,
    on_behalf_of text,
    proposed_at timestamptz NOT NULL,
    PRIMARY KEY (suggestion_id, digest)
);

-- Who proposed what was answered already: their evidence is not kept, but they have proposed, and may not approve.
CREATE TABLE suppressed_proposers (
    suggestion_id uuid NOT NULL,
    proposed_by text NOT NULL,
    times bigint NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (suggestion_id, proposed_by)
);

CREATE INDEX evidence_run ON evidence (analysis_run_id, suggestion_id) WHERE analysis_run_id IS NOT NULL;
