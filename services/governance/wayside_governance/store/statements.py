"""Every statement by name."""

from importlib.resources import files
from typing import Final

from wayside_service.database import load_queries

_FOLDER = files("wayside_governance") / "queries"

INTAKE: Final = load_queries(_FOLDER / "intake.sql")
DECISIONS: Final = load_queries(_FOLDER / "decisions.sql")
READING: Final = load_queries(_FOLDER / "reading.sql")
GRAPH: Final = load_queries(_FOLDER / "graph.sql")
POLICIES: Final = load_queries(_FOLDER / "policies.sql")
CALIBRATION: Final = load_queries(_FOLDER / "calibration.sql")
RULES: Final = load_queries(_FOLDER / "rules.sql")
AUDIT: Final = load_queries(_FOLDER / "audit.sql")
REVIEWS: Final = load_queries(_FOLDER / "reviews.sql")
EXPLAIN: Final = load_queries(_FOLDER / "explain.sql")
LIFETIMES: Final = load_queries(_FOLDER / "lifetimes.sql")
BULK: Final = load_queries(_FOLDER / "bulk.sql")
MOVING: Final = load_queries(_FOLDER / "moving.sql")
