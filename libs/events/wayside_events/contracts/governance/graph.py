"""Edges, and what lies around a node."""

from typing import Literal

from wayside_events.contracts.governance.nodes import Node
from wayside_events.contracts.model import Reply
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Scope


class Edge(Reply):
    """An edge of the graph. `status` is `suggested` for a ghost edge, which only appears when asked for."""

    id: Id
    scope: Scope
    from_node_id: str
    to_node_id: str
    relationship_type: str
    status: Literal["approved", "suggested"] = "approved"
    confidence: float
    strength: float | None = None
    suggestion_id: Id | None = None
    decision_id: Id | None = None
    created_by: str
    created_at: Timestamp


class EdgePage(Reply):
    """Part of a list of edges; `next_page` is None on the last one."""

    items: tuple[Edge, ...]
    next_page: str | None = None


class Neighborhood(Reply):
    """What lies within `depth` steps of `center`, and whether a limit cut it."""

    center: str
    depth: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    truncated: bool = False
