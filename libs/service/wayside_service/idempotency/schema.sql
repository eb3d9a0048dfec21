-- The answers to requests with an Idempotency-Key. A service copies this text into a migration of its own.
CREATE TABLE idempotency_keys (
    scope text COLLATE "C" NOT NULL,
    caller text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    request_hash bytea NOT NULL,
    status smallint,
    answer bytea,
    created_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    PRIMARY KEY (scope, caller, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
