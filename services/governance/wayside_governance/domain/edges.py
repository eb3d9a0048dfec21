"""Which edges a reader wants to see."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from wayside_governance.domain.wanted import Position

FIRST_ID: Final = str(UUID(int=0))
LAST_ID: Final = str(UUID(int=2**128 - 1))
NEWEST: Final = Position(datetime.max.replace(tzinfo=UTC), LAST_ID)
OLDEST: Final = datetime.min.replace(tzinfo=UTC)


class Source(StrEnum):
    """Where a list of edges looks: in the one place that holds the fewest it does not want."""

    ALL = "all"  # all of the scope
    FROM = "from"  # those that leave a node
    TO = "to"  # those that come to it
    NODE = "node"  # both
    PAIR = "pair"  # those from one node to another


@dataclass(frozen=True, slots=True)
class EdgeFilters:
    """Which edges are wanted; `None` is any, and no types are all. `node_id` is either end; `created_before` is not among them."""

    scope: str
    from_node_id: str | None = None
    to_node_id: str | None = None
    node_id: str | None = None
    types: tuple[str, ...] = ()
    created_by: str | None = None
    min_confidence: float = 0.0
    created_after: datetime | None = None
    created_before: datetime | None = None
    with_suggested: bool = False

    @property
    def source(self) -> Source:
        """Where to look."""
        match self.from_node_id, self.to_node_id, self.node_id:
            case str(), str(), _:
                return Source.PAIR
            case str(), None, _:
                return Source.FROM
            case None, str(), _:
                return Source.TO
            case None, None, str():
                return Source.NODE
            case _:
                return Source.ALL

    @property
    def is_exact(self) -> bool:
        """Whether all edges of the source are wanted."""
        has_other_end = self.node_id is not None and self.source is not Source.NODE
        return not (self.types or self.created_by is not None or self.min_confidence > 0 or has_other_end)

    @property
    def start(self) -> Position:
        """Where the list begins, the youngest first."""
        return NEWEST if self.created_before is None else Position(self.created_before, FIRST_ID)
