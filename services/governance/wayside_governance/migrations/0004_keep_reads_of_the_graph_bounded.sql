-- Edges and ghost edges are listed by time: by id alone the planner walked the primary key over every scope.
CREATE INDEX edges_by_time ON edges (scope, created_at, id);
DROP INDEX edges_by_age;

-- A walk over ghost edges meets nothing but what waits, however often a node's claims were decided.
CREATE INDEX suggestions_waiting_from ON suggestions (scope, from_node_id) WHERE status = 'pending';
CREATE INDEX suggestions_to_by_status ON suggestions (scope, to_node_id, status);
DROP INDEX suggestions_to;

-- As it came: jsonb writes 1e308 out in full, which makes 256 KiB of evidence 13 MiB for every reader.
ALTER TABLE evidence ALTER COLUMN payload TYPE json USING payload::json;
