-- What was done in each scope, as a chain: each hash covers the entry and the hash before it.

-- The end of each scope's chain. Its row is the lock that puts the entries of concurrent transactions in one order.
CREATE TABLE audit_heads (
    scope text COLLATE "C" PRIMARY KEY,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    position bigint NOT NULL DEFAULT 0,
    hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    sealed_position bigint NOT NULL DEFAULT 0,
    seals bigint NOT NULL DEFAULT 0
);

CREATE INDEX audit_heads_unsealed ON audit_heads (scope) WHERE position > sealed_position;

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
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_heads_stay BEFORE DELETE OR TRUNCATE ON audit_heads EXECUTE FUNCTION refuse_change();

CREATE TYPE new_audit_entry AS (at timestamptz, actor text, action text, subject text, entry bytea);

-- One statement, so that the head is locked as shortly as can be: until the commit that follows.
CREATE FUNCTION append_audit(audited_scope text, entries new_audit_entry[]) RETURNS bigint LANGUAGE plpgsql
AS $$ DECLARE head audit_heads; one new_audit_entry; hashes bytea[] := '{}'; last bytea; BEGIN
    SELECT * INTO head FROM audit_heads WHERE scope = audited_scope FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        INSERT INTO audit_heads (scope) VALUES (audited_scope) ON CONFLICT DO NOTHING;
        SELECT * INTO head FROM audit_heads WHERE scope = audited_scope FOR NO KEY UPDATE;
    END IF;
    last := head.hash;
    hashes := hashes || last;
    FOREACH one IN ARRAY entries LOOP
        last := sha256(last || one.entry);
        hashes := hashes || last;
    END LOOP;
    INSERT INTO audit (scope, position, at, actor, action, subject, entry, previous, hash)
    SELECT audited_scope, head.position + new.number, new.at, new.actor, new.action, new.subject, new.entry,
           chain.previous, chain.hash
    FROM unnest(entries) WITH ORDINALITY AS new (at, actor, action, subject, entry, number)
    JOIN unnest(hashes[:cardinality(entries)], hashes[2:]) WITH ORDINALITY AS chain (previous, hash, number)
        USING (number);
    UPDATE audit_heads SET position = head.position + cardinality(entries), hash = last WHERE scope = audited_scope;
    RETURN head.position + cardinality(entries);
END $$;
