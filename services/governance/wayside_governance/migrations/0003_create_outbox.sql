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
