-- Rows that intake sends as one array each: less work on both sides than an array for every column.
-- They are types of their own so that a new column of a table changes nothing for instances of the previous version.

CREATE TYPE new_suggestion AS (
    id uuid,
    from_node_id text,
    to_node_id text,
    relationship_type text,
    revision bigint,
    confidence double precision,
    strength double precision,
    evidence_count integer,
    maxima text,
    strongest bytea,
    source_model text,
    analysis_run_id text,
    proposed_by text
);

CREATE TYPE changed_suggestion AS (
    id uuid,
    status text,
    revision bigint,
    confidence double precision,
    strength double precision,
    evidence_count integer,
    maxima text,
    strongest bytea,
    source_model text,
    analysis_run_id text,
    proposed_by text,
    suppressed_count bigint,
    updated_at timestamptz,
    is_reopened boolean
);

CREATE TYPE new_evidence AS (
    suggestion_id uuid,
    digest bytea,
    id uuid,
    payload_hash bytea,
    source_model text,
    analysis_run_id text,
    confidence double precision,
    strength double precision,
    reasoning text,
    payload text,
    proposed_by text,
    on_behalf_of text
);
