-- What was done in each scope, as a chain: each hash covers the entry and the hash before it.

-- The end of each scope's chain. Its row is the lock that puts the entries of concurrent transactions in one order.
CREATE TABLE audit_heads (
    scope text COLLATE "C" PRIMARY KEY,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    position bigint NOT NULL DEFAULT 0,
    hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    sealed_position bigint NOT NULL DEFAULT 0,
    sealed_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    seals bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE audit (
    scope text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    actor text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    entry bytea NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (scope, position)
);

CREATE INDEX audit_by_subject ON audit (scope, subject, position);
CREATE INDEX audit_by_actor ON audit (scope, actor, position);

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_keeps_all BEFORE TRUNCATE ON audit EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_heads_stay BEFORE DELETE OR TRUNCATE ON audit_heads EXECUTE FUNCTION refuse_change();

CREATE TYPE new_audit_entry AS (scope text, at timestamptz, actor text, action text, subject text, entry bytea);

-- Appends to the chains of all scopes named, in the order given; returns how many. The heads are locked in the order of
-- the scopes, until the commit.
CREATE FUNCTION append_audit(entries new_audit_entry[]) RETURNS bigint LANGUAGE plpgsql
AS $$ DECLARE audited text; head audit_heads; one bytea; last bytea; hashes bytea[]; appended bigint := 0; BEGIN
    FOR audited IN SELECT DISTINCT scope COLLATE "C" FROM unnest(entries) ORDER BY 1 LOOP
        SELECT * INTO head FROM audit_heads WHERE scope = audited FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            INSERT INTO audit_heads (scope) VALUES (audited) ON CONFLICT DO NOTHING;
            SELECT * INTO head FROM audit_heads WHERE scope = audited FOR NO KEY UPDATE;
        END IF;
        last := head.hash;
        hashes := ARRAY[last];
        FOR one IN
            SELECT entry FROM unnest(entries) WITH ORDINALITY AS new (scope, at, actor, action, subject, entry, number)
            WHERE scope = audited ORDER BY number
        LOOP
            last := sha256(last || one);
            hashes := hashes || last;
        END LOOP;
        INSERT INTO audit (scope, position, at, actor, action, subject, entry, previous, hash)
        SELECT audited, head.position + number, at, actor, action, subject, entry, previous, hash
        FROM (
            SELECT *, row_number() OVER (ORDER BY place) AS number
            FROM unnest(entries) WITH ORDINALITY AS new (scope, at, actor, action, subject, entry, place)
            WHERE scope = audited
        ) AS new
        JOIN unnest(hashes, hashes[2:]) WITH ORDINALITY AS chain (previous, hash, number) USING (number);
        head.position := head.position + cardinality(hashes) - 1;
        appended := appended + cardinality(hashes) - 1;
        UPDATE audit_heads SET position = head.position, hash = last WHERE scope = audited;
    END LOOP;
    RETURN appended;
END $$;
