"""What a reader wants to see: filters, orders, positions and bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from wayside_events.edges import SuggestionStatus


class Order(StrEnum):
    """How a list of suggestions is ordered."""

    CONFIDENCE = "confidence"  # the surest first
    NEWEST = "newest"  # the youngest first
    OLDEST = "oldest"  # the oldest first


@dataclass(frozen=True, slots=True)
class Filters:
    """Which suggestions are wanted; `None` is any. `node_id` is either end."""

    scope: str
    statuses: Sequence[SuggestionStatus] = tuple(SuggestionStatus)
    min_confidence: float = 0.0
    max_confidence: float = 1.0
    from_node_id: str | None = None
    to_node_id: str | None = None
    node_id: str | None = None
    relationship_type: str | None = None
    source_model: str | None = None
    analysis_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """After which item of a list a page begins; `key` is what the list is ordered by before the id."""

    key: float | datetime
    item_id: str
