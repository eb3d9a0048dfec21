"""What is known of the nodes of the graph."""

from pydantic import Field

from wayside_events.contracts.model import Reply, Request
from wayside_events.edges import NodeId
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Scope


class NodeContent(Request):
    """What is known of a node: shown to reviewers, and hashed into the fingerprint of claims about it."""

    label: str | None = Field(default=None, max_length=500)
    kind: str | None = Field(default=None, max_length=100)
    content: str | None = Field(default=None, max_length=65_536)


class Node(Reply):
    """A node as far as it is known."""

    id: str
    label: str | None = None
    kind: str | None = None


class NodeDetails(Node):
    """All that is known of a node. Send `content_hash` with a verdict to have it refused when the content changed since."""

    scope: Scope
    content: str | None = None
    content_hash: str | None = None
    updated_at: Timestamp


class NodeInput(NodeContent):
    """A node and all that is to be known of it: what is left out is forgotten."""

    id: NodeId


class PutNodesRequest(Request):
    """Nodes to replace or add."""

    scope: Scope
    nodes: tuple[NodeInput, ...] = Field(min_length=1, max_length=1_000)


class PutNodesReply(Reply):
    """How many nodes changed, new ones included, and how many were as given already."""

    changed: int
    unchanged: int
