-- What jobs may be, where they wait, who runs them, and what callers and readers have said before.

CREATE TABLE job_types (
    name text PRIMARY KEY,
    spec json NOT NULL,
    concurrency_limit integer GENERATED ALWAYS AS ((spec ->> 'concurrency_limit')::integer) STORED,
    concurrency_limit_per_scope integer GENERATED ALWAYS AS ((spec ->> 'concurrency_limit_per_scope')::integer) STORED,
    is_cancelable boolean NOT NULL GENERATED ALWAYS AS (
        coalesce(spec -> 'capabilities' ->> 'cancel', 'true') <> 'false'
    ) STORED,
    registered_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
-- What cascading cancels pass over.
CREATE INDEX job_types_uncancelable ON job_types (name) WHERE NOT is_cancelable;

-- Only queues that somebody has paused or limited have a row.
CREATE TABLE queues (
    name text PRIMARY KEY,
    paused_at timestamptz,
    paused_by text,
    pause_reason text,
    concurrency_limit integer CHECK (concurrency_limit >= 1),
    concurrency_limit_per_scope integer CHECK (concurrency_limit_per_scope >= 1),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Whether a claim that looks for jobs of these queues with these types, in pairs, would find none, and none of the
-- wanted queues is paused. `entrance` is the lock that a pause waits for. A statement in here sees what was committed
-- before it began itself, not only before the calling one did: so no pause is missed.
CREATE FUNCTION nothing_comes_first(
    pair_queues text[], pair_types text[], wanted_queues text[], entrance bigint
) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock_shared(entrance);
    SELECT NOT EXISTS (SELECT FROM queues WHERE queues.name = ANY (wanted_queues) AND queues.paused_at IS NOT NULL)
        AND NOT EXISTS (
            SELECT FROM unnest(pair_queues, pair_types) AS pair (queue, type)
            WHERE EXISTS (
                SELECT FROM jobs
                WHERE status = 'queued' AND is_ready AND jobs.queue = pair.queue AND jobs.type = pair.type OFFSET 0
            ) AND NOT EXISTS (
                SELECT FROM queues AS paused WHERE paused.name = pair.queue AND paused.paused_at IS NOT NULL OFFSET 0
            )
        );
$$;

CREATE TABLE runners (
    name text PRIMARY KEY,
    version text,
    hostname text,
    pid integer,
    queues text[] NOT NULL,
    job_types text[] NOT NULL,
    slots integer NOT NULL,
    busy integer NOT NULL DEFAULT 0,
    abandoned integer NOT NULL DEFAULT 0,
    is_draining boolean NOT NULL DEFAULT false,
    registered_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    stopped_at timestamptz
);
CREATE INDEX runners_by_age ON runners (seen_at);

-- The answers to requests with an Idempotency-Key; those that create one job have its id, the others a status.
CREATE TABLE idempotency_keys (
    scope text NOT NULL,
    caller text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    job_id uuid,
    -- Of a child; its key is kept as long as the parent is active, for which created_at is moved.
    parent_id uuid,
    status smallint,
    answer json,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, caller, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- How far bulk jobs are, and which jobs they have still to work on. Rows live as long as their bulk job is active.
CREATE TABLE bulk_runs (
    bulk_id uuid PRIMARY KEY,
    counts json NOT NULL,
    taken_upto uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
);
CREATE TABLE bulk_items (
    bulk_id uuid NOT NULL,
    job_id uuid NOT NULL,
    PRIMARY KEY (bulk_id, job_id)
);

-- Up to which end of a job a reader has seen how jobs ended.
CREATE TABLE seen_marks (
    scope text NOT NULL,
    subject text NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (scope, subject)
);

-- Up to when all jobs that ended can be seen. A job ends after its transaction began, and is seen when that is committed:
-- so up to just before the oldest one under way began. One that is ten seconds old (a backup, say) ends no job.
CREATE FUNCTION all_ends_known_upto() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT greatest(
        least(statement_timestamp(), min(xact_start) - interval '1 microsecond'),
        statement_timestamp() - interval '10 seconds'
    )
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
$$;

-- What happened in each minute; every instance adds what it did. Buckets are counts, with the bounds of the code.
CREATE TABLE job_stats (
    minute timestamptz NOT NULL,
    queue text NOT NULL,
    type text NOT NULL,
    created bigint NOT NULL,
    claimed bigint NOT NULL,
    completed bigint NOT NULL,
    failed bigint NOT NULL,
    canceled bigint NOT NULL,
    pickup_seconds float8 NOT NULL,
    pickup_max_seconds float8 NOT NULL,
    run_seconds float8 NOT NULL,
    run_max_seconds float8 NOT NULL,
    pickup_buckets bigint[] NOT NULL,
    run_buckets bigint[] NOT NULL,
    PRIMARY KEY (minute, queue, type)
);
