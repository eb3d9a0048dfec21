"""The graph over HTTP: edges, what lies around a node, paths, extracts."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Literal, TypedDict, Unpack

from wayside.client.pages import Listing, Page, parsed
from wayside.client.transport import Transport, path_of, reading
from wayside_events.contracts.governance import Edge, GraphPath, Neighborhood


class EdgeSelection(TypedDict, total=False):
    """Which edges; what is left out matches all. `node_id` is either end. `created_before` is not among them."""

    scope: str
    node_id: str
    from_node_id: str
    to_node_id: str
    relationship_type: str | Sequence[str]
    created_by: str
    min_confidence: float
    created_after: datetime
    created_before: datetime
    include: Literal["suggested"]


class EdgeFilter(EdgeSelection, total=False):
    """Which edges to list. `limit` is the size of a page."""

    limit: int


class ExtractFilter(EdgeSelection, total=False):
    """Which edges to export. `limit` is the most that are written."""

    limit: int


class WalkOptions(TypedDict, total=False):
    """Which edges are walked. `direction` is in, out or both; `include="suggested"` adds ghost edges, flagged."""

    scope: str | None
    relationship_type: str | Sequence[str] | None
    direction: Literal["in", "out", "both"] | None
    include: Literal["suggested"] | None


class Edges:
    """Edges of the graph; `Client.edges`."""

    def __init__(self, transport: Transport) -> None:
        self._listing = Listing(transport, "/v1/edges", Edge)

    def list(self, **wanted: Unpack[EdgeFilter]) -> AsyncGenerator[Edge, None]:
        """Yield edges, reading page after page; with `include="suggested"` pending ones too, flagged."""
        return self._listing.items(wanted)

    async def page(self, *, page: str | None = None, **wanted: Unpack[EdgeFilter]) -> Page[Edge]:
        """Read one page of edges, with the cursor to stream on from."""
        return await self._listing.page({**wanted, "page": page})


class Graph:
    """Questions to the graph; `Client.graph`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def neighborhood(
        self,
        node_id: str,
        *,
        depth: int | None = None,
        limit: int | None = None,
        edge_limit: int | None = None,
        **walked: Unpack[WalkOptions],
    ) -> Neighborhood:
        """Return what lies within `depth` steps of a node, at most `limit` nodes; `truncated` says that there is more."""
        query = {**walked, "depth": depth, "limit": limit, "edge_limit": edge_limit}
        call = reading(path_of("graph", "neighborhood", node_id), query)
        return parsed(await self._transport.send(call), Neighborhood)

    async def path(
        self,
        from_node_id: str,
        to_node_id: str,
        *,
        max_steps: int | None = None,
        **walked: Unpack[WalkOptions],
    ) -> GraphPath:
        """Return a shortest path of at most `max_steps`; without one, `found` is false."""
        ends = {"from_node_id": from_node_id, "to_node_id": to_node_id}
        call = reading("/v1/graph/path", {**walked, **ends, "max_steps": max_steps})
        return parsed(await self._transport.send(call), GraphPath)

    def export(
        self,
        format: Literal["json", "graphml", "cytoscape"] = "json",  # noqa: A002 - the name it has everywhere
        **wanted: Unpack[ExtractFilter],
    ) -> AsyncGenerator[bytes, None]:
        """Yield a document of edges and the nodes they join, piece by piece; raises `Unavailable` when it breaks off."""
        return self._transport.chunks(reading("/v1/graph/export", {**wanted, "format": format}))
