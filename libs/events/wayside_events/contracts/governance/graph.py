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
    """What lies within `depth` steps of `center`, the nodes in the order they were found. `truncated` when a limit cut it."""

    center: str
    depth: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    truncated: bool = False


class GraphPath(Reply):
    """A shortest path: its nodes from one end to the other, and the edges between each and the next, whatever way they point.

    When `truncated`, a limit cut the search: there may be a path though none was found, or a shorter one.
    """

    from_node_id: str
    to_node_id: str
    found: bool
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    truncated: bool = False


class GraphExtract(Reply):
    """Part of the graph: edges, the youngest first, and the nodes they join. `truncated` when there are more edges."""

    scope: Scope
    edges: tuple[Edge, ...]
    nodes: tuple[Node, ...]
    truncated: bool = False
