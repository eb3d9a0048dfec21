-- Jobs and their logs.

-- One row per job. What a report changes (revision, seq, lease, progress) is in no index, so that with room on the
-- page a report is a heap-only update; hence due_at, a lower bound of the moment at which a running job needs a look,
-- is indexed in place of lease_expires_at and moved only by the sweeper.
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    scope text NOT NULL,
    type text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('queued', 'tracked')),
    queue text NOT NULL,
    priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 9),
    status text NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed', 'canceled')),
    revision bigint NOT NULL CHECK (revision >= 1),
    attempt integer NOT NULL CHECK (attempt >= 0),
    max_attempts integer NOT NULL CHECK (max_attempts >= attempt),
    releases integer NOT NULL DEFAULT 0,
    is_ready boolean NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    run_at timestamptz NOT NULL,
    lease_seconds float8 NOT NULL,
    cancel_grace_seconds float8 NOT NULL,
    timeout_seconds float8,
    ttl_seconds float8,
    backoff_initial_seconds float8 NOT NULL,
    backoff_factor float8 NOT NULL,
    backoff_max_seconds float8 NOT NULL,
    backoff_jitter float8 NOT NULL,
    session_id text,
    related_type text,
    related_id text,
    parent_id uuid,
    root_id uuid,
    depth smallint NOT NULL,
    child_count integer NOT NULL DEFAULT 0,
    retry_of uuid,
    unique_key text,
    origin text,
    traceparent text,
    runner text,
    token_hash bytea,
    seq bigint NOT NULL,
    log_seq bigint NOT NULL DEFAULT 0,
    log_dropped bigint NOT NULL DEFAULT 0,
    log_bytes bigint NOT NULL DEFAULT 0,
    cancel_state text CHECK (cancel_state IN ('requested', 'acknowledged', 'forced')),
    cancel_requested_by text,
    cancel_requested_at timestamptz,
    cancel_reason text,
    cancel_deadline timestamptz,
    is_cascading boolean NOT NULL DEFAULT false,
    started_at timestamptz,
    finished_at timestamptz,
    lease_expires_at timestamptz,
    timeout_at timestamptz,
    due_at timestamptz,
    expires_at timestamptz,
    progress json NOT NULL,
    error json,
    partial json,
    metrics json,
    result json,
    input_bytes integer NOT NULL,
    input json NOT NULL,
    CHECK ((status = 'running') = (lease_expires_at IS NOT NULL)),
    CHECK ((status = 'running') = (due_at IS NOT NULL)),
    CHECK ((status IN ('completed', 'failed', 'canceled')) = (finished_at IS NOT NULL)),
    CHECK ((related_type IS NULL) = (related_id IS NULL))
) WITH (
    fillfactor = 80,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.02
);

-- What may be claimed: per scope, so that a claim can go round the scopes, in the order in which it is.
CREATE INDEX jobs_ready ON jobs (queue, type, scope, priority DESC, run_at, id) WHERE status = 'queued' AND is_ready;
-- What waits for its time.
CREATE INDEX jobs_scheduled ON jobs (run_at) INCLUDE (queue, type, scope) WHERE status = 'queued' AND NOT is_ready;
-- What concurrency limits count.
CREATE INDEX jobs_running ON jobs (queue, type, scope) WHERE status = 'running';
-- What each runner has.
CREATE INDEX jobs_by_runner ON jobs (runner, scope, id) WHERE status = 'running';
-- Running jobs that need a look: lost, timed out, or to be canceled by force.
CREATE INDEX jobs_due ON jobs (due_at) WHERE status = 'running';
-- Canceled jobs whose children are still to be told.
CREATE INDEX jobs_cascading ON jobs (id) WHERE is_cascading;
-- Finished jobs whose time to live ends.
CREATE INDEX jobs_expiring ON jobs (expires_at) WHERE expires_at IS NOT NULL;
-- One active job per key, and the newest that had it.
CREATE UNIQUE INDEX jobs_unique_key ON jobs (scope, type, unique_key)
    WHERE unique_key IS NOT NULL AND status IN ('queued', 'running');
CREATE INDEX jobs_by_unique_key ON jobs (scope, unique_key, created_at DESC, id DESC) WHERE unique_key IS NOT NULL;

-- Lists, newest first. Those by status, type, creator and parent read one range per status and merge them. Each index
-- that is not partial gets an entry at every creation, claim and end of a job: so there are few of them. Active jobs of
-- a type are found among all active ones.
CREATE INDEX jobs_by_status ON jobs (scope, status, created_at DESC, id DESC);
CREATE INDEX jobs_by_creator ON jobs (scope, created_by, status, created_at DESC, id DESC);
CREATE INDEX jobs_by_type ON jobs (scope, type, status, created_at DESC, id DESC) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_by_session ON jobs (scope, session_id, created_at DESC, id DESC) WHERE session_id IS NOT NULL;
CREATE INDEX jobs_by_related ON jobs (scope, related_id, created_at DESC, id DESC) WHERE related_id IS NOT NULL;
CREATE INDEX jobs_by_parent ON jobs (parent_id, scope, status, created_at DESC, id DESC) WHERE parent_id IS NOT NULL;
CREATE INDEX jobs_by_root ON jobs (root_id, scope, created_at DESC, id DESC) WHERE root_id IS NOT NULL;
CREATE INDEX jobs_by_retry ON jobs (retry_of, created_at DESC) WHERE retry_of IS NOT NULL;
-- How somebody's jobs ended, the last first.
CREATE INDEX jobs_by_end ON jobs (scope, created_by, finished_at DESC, id DESC) WHERE finished_at IS NOT NULL;
-- Parents to which the progress of their children is still to be told.
CREATE INDEX jobs_with_children ON jobs (id) WHERE status = 'running' AND child_count > 0;

CREATE TABLE job_logs (
    job_id uuid NOT NULL,
    seq bigint NOT NULL,
    -- As the runner's clock had it; received_at is ours.
    time timestamptz NOT NULL,
    level text NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error')),
    message text NOT NULL,
    context json NOT NULL,
    bytes integer NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, seq)
);

-- Rows as the service sends them, many in one array: a third of the cost of one array per column. A type never changes:
-- a later version of the service that sends other columns brings types of its own.
CREATE TYPE new_job AS (
    id uuid,
    scope text,
    type text,
    mode text,
    queue text,
    priority smallint,
    status text,
    revision bigint,
    attempt integer,
    max_attempts integer,
    is_ready boolean,
    created_by text,
    created_at timestamptz,
    updated_at timestamptz,
    run_at timestamptz,
    lease_seconds float8,
    cancel_grace_seconds float8,
    timeout_seconds float8,
    ttl_seconds float8,
    backoff_initial_seconds float8,
    backoff_factor float8,
    backoff_max_seconds float8,
    backoff_jitter float8,
    session_id text,
    related_type text,
    related_id text,
    parent_id uuid,
    root_id uuid,
    depth smallint,
    retry_of uuid,
    unique_key text,
    origin text,
    traceparent text,
    runner text,
    token_hash bytea,
    seq bigint,
    started_at timestamptz,
    lease_expires_at timestamptz,
    timeout_at timestamptz,
    due_at timestamptz,
    progress json,
    input_bytes integer,
    input json
);

CREATE TYPE changed_job AS (
    id uuid,
    known_revision bigint,
    status text,
    revision bigint,
    attempt integer,
    max_attempts integer,
    releases integer,
    is_ready boolean,
    updated_at timestamptz,
    run_at timestamptz,
    runner text,
    token_hash bytea,
    seq bigint,
    log_seq bigint,
    log_dropped bigint,
    log_bytes bigint,
    cancel_state text,
    cancel_requested_by text,
    cancel_requested_at timestamptz,
    cancel_reason text,
    cancel_deadline timestamptz,
    is_cascading boolean,
    started_at timestamptz,
    finished_at timestamptz,
    lease_expires_at timestamptz,
    timeout_at timestamptz,
    due_at timestamptz,
    expires_at timestamptz,
    progress json,
    error json,
    keeps_partial boolean,
    partial json,
    metrics json,
    result json
);

CREATE TYPE completed_job AS (
    id uuid,
    attempt integer,
    token_hash bytea,
    seq bigint,
    metrics json,
    result json
);

CREATE TYPE extended_lease AS (
    id uuid,
    revision bigint,
    seq bigint,
    lease_expires_at timestamptz,
    due_at timestamptz,
    token_hash bytea
);

CREATE TYPE new_log_entry AS (
    job_id uuid,
    seq bigint,
    time timestamptz,
    level text,
    message text,
    context json,
    bytes integer
);
