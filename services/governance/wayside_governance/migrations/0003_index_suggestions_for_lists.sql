-- Finds the suggestions of a rare type, which a walk in the order of a list meets late or never.
CREATE INDEX suggestions_by_type ON suggestions (scope, relationship_type, status, confidence, id);

-- By time and not by id alone: where the primary key has the order of a list too, the planner may walk a million rows
-- along it to find none of a status that nobody has.
CREATE INDEX suggestions_by_time ON suggestions (scope, status, created_at, id);
DROP INDEX suggestions_by_age;
