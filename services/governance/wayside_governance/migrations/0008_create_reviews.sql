-- Who is looking at what: cards that reviewers were given, for a while, and those that they do not want to see again today.

-- One batch of cards. `touched_at` is when its reviewer was last done with one of them.
CREATE TABLE review_claims (
    id uuid PRIMARY KEY,
    scope text COLLATE "C" NOT NULL,
    reviewer text COLLATE "C" NOT NULL,
    card_order text COLLATE "C" NOT NULL,
    claimed_at timestamptz NOT NULL,
    touched_at timestamptz NOT NULL
);

CREATE INDEX review_claims_touched ON review_claims (touched_at);

-- One row per card at most: what two reviewers would both get, the second does not get.
CREATE TABLE review_leases (
    suggestion_id uuid PRIMARY KEY,
    claim_id uuid NOT NULL,
    scope text COLLATE "C" NOT NULL,
    reviewer text COLLATE "C" NOT NULL,
    place integer NOT NULL,
    is_random boolean NOT NULL,
    leased_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX review_leases_by_reviewer ON review_leases (scope, reviewer, claim_id);
CREATE INDEX review_leases_expiring ON review_leases (expires_at);

CREATE TABLE review_skips (
    suggestion_id uuid NOT NULL,
    reviewer text COLLATE "C" NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (suggestion_id, reviewer)
);

CREATE INDEX review_skips_until ON review_skips (until);

-- A verdict ends the lease, whoever gave it and in whatever way. The clock of the next card begins when its reviewer gave it.
CREATE FUNCTION end_leases() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN
    WITH ended AS (
        DELETE FROM review_leases AS held USING added WHERE held.suggestion_id = added.suggestion_id
        RETURNING held.claim_id, held.reviewer = added.reviewed_by AS is_own
    )
    UPDATE review_claims AS claim SET touched_at = clock_timestamp()
    WHERE claim.id = ANY(ARRAY(SELECT claim_id FROM ended WHERE is_own));
    RETURN NULL;
END $$;

CREATE TRIGGER decisions_end_leases AFTER INSERT ON decisions REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION end_leases();
