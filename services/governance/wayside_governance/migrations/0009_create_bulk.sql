-- Decisions on many suggestions at once: what is wanted, of which, and how far it is.

CREATE TABLE bulks (
    id uuid PRIMARY KEY,
    scope text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL,
    asked_for bytea NOT NULL,
    reason_code text,
    note text,
    undo_of uuid REFERENCES bulks (id),
    matched integer NOT NULL,
    handled integer NOT NULL DEFAULT 0,
    decided integer NOT NULL DEFAULT 0,
    changed integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0,
    job_id uuid,
    expires_at timestamptz,
    changed_at timestamptz NOT NULL,
    finished_at timestamptz,
    has_items boolean NOT NULL DEFAULT true,
    CONSTRAINT bulks_action CHECK (action IN ('approve', 'reject', 'undo')),
    CONSTRAINT bulks_state CHECK (state IN ('preview', 'running', 'done', 'canceled', 'failed')),
    CONSTRAINT bulks_undo CHECK ((action = 'undo') = (undo_of IS NOT NULL)),
    CONSTRAINT bulks_handled CHECK (handled = decided + changed + refused AND handled <= matched)
);

CREATE INDEX bulks_running ON bulks (changed_at) WHERE state = 'running';
CREATE INDEX bulks_expiring ON bulks (expires_at) WHERE state = 'preview';
CREATE INDEX bulks_over ON bulks (finished_at) WHERE has_items AND finished_at IS NOT NULL;
CREATE INDEX bulks_with_note ON bulks (scope, finished_at) WHERE note IS NOT NULL AND finished_at IS NOT NULL;
CREATE INDEX bulks_by_scope ON bulks (scope, asked_at, id) WHERE state <> 'preview';
CREATE UNIQUE INDEX bulks_undone_once ON bulks (undo_of) WHERE undo_of IS NOT NULL AND state IN ('running', 'done');

-- What a bulk is about, in the order of the work; `undoes` is the decision that is taken back. Gone when it is over.
CREATE TABLE bulk_items (
    bulk_id uuid NOT NULL,
    position integer NOT NULL,
    suggestion_id uuid NOT NULL,
    revision bigint,
    undoes uuid,
    PRIMARY KEY (bulk_id, position)
);

-- Those that were not decided, and why.
CREATE TABLE bulk_failures (
    bulk_id uuid NOT NULL,
    position integer NOT NULL,
    suggestion_id uuid NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    problem json,
    PRIMARY KEY (bulk_id, position)
);
