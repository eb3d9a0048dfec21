-- What is appended stays as it is, but for content whose time is over: notes, reasoning and payloads may be emptied, no more.

CREATE FUNCTION keep_decision() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN
    IF NEW.note IS NULL THEN
        OLD.note := NULL;
    END IF;
    IF NOT record_image_eq(OLD, NEW) THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION keep_evidence() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN
    IF NEW.payload IS NULL THEN
        OLD.payload := NULL;
    END IF;
    IF NEW.reasoning IS NULL THEN
        OLD.reasoning := NULL;
    END IF;
    IF NOT record_image_eq(OLD, NEW) THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;

DROP TRIGGER decisions_append_only ON decisions;
CREATE TRIGGER decisions_append_only BEFORE UPDATE ON decisions FOR EACH ROW EXECUTE FUNCTION keep_decision();
CREATE TRIGGER decisions_stay BEFORE DELETE ON decisions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER evidence_append_only BEFORE UPDATE ON evidence FOR EACH ROW EXECUTE FUNCTION keep_evidence();
CREATE TRIGGER evidence_stays BEFORE DELETE ON evidence FOR EACH ROW EXECUTE FUNCTION refuse_change();
