"""How the demo went: figures for people and scripts, and what fell short."""

import json
from dataclasses import dataclass, field

from wayside_events.jobs import JobStatus

RECALL_FLOOR = 0.5


@dataclass
class Outcome:
    """Filled in as the demo goes; what it never got to keeps its default."""

    job_status: JobStatus | None = None
    events_seen: int = 0
    suggestions: int = 0
    approved: int = 0
    rejected: int = 0
    edges: int = 0
    recall_at_10: float = 0.0
    shortfalls: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing fell short."""
        return not self.shortfalls

    def expect(self, holds: bool, otherwise: str) -> None:
        """Note a shortfall unless something holds."""
        if not holds:
            self.shortfalls.append(otherwise)

    def to_json(self) -> str:
        """One line for scripts."""
        return json.dumps(
            {
                "ok": self.ok,
                "job_status": self.job_status,
                "events_seen": self.events_seen,
                "suggestions": self.suggestions,
                "approved": self.approved,
                "rejected": self.rejected,
                "edges": self.edges,
                "recall_at_10": round(self.recall_at_10, 4),
                "seconds": round(self.seconds, 1),
            }
        )
