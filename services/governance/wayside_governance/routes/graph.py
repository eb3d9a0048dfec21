"""Reading of the graph."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from wayside_events.contracts.governance import EdgePage, GraphPath, Neighborhood
from wayside_events.edges import Confidence, NodeId, RelationshipType
from wayside_events.envelope import Timestamp
from wayside_governance.domain.edges import EdgeFilters
from wayside_governance.domain.errors import InvalidPage
from wayside_governance.domain.walks import Bounds, Direction, Paths
from wayside_governance.routes.graph_formats import Format
from wayside_governance.routes.keys import GRAPH
from wayside_governance.routes.parameters import Include, ListQuery, ScopeQuery, scope_of
from wayside_service.auth import Principal, Role
from wayside_service.http import MediaType, RouteTable

routes = RouteTable(tags=["graph"])

EDGES_PER_NODE: Final = 4
"""How many edges a neighbourhood may have for each node it may have, unless the caller says."""

EXTRACT_EDGES: Final = 100_000

Types = Annotated[tuple[RelationshipType, ...], Field(max_length=50)]


class EdgeFields(ScopeQuery):
    """Filters of edges; `node_id` is either end, `relationship_type` may be given repeatedly.

    `created_after` is the first moment that is wanted, `created_before` the first that is not.
    """

    from_node_id: NodeId | None = None
    to_node_id: NodeId | None = None
    node_id: NodeId | None = None
    relationship_type: Types = ()
    created_by: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    min_confidence: Confidence = 0.0
    created_after: Timestamp | None = None
    created_before: Timestamp | None = None
    include: Include | None = None

    def filters(self, scope: str) -> EdgeFilters:
        """Return the filters."""
        return EdgeFilters(
            scope=scope,
            from_node_id=self.from_node_id,
            to_node_id=self.to_node_id,
            node_id=self.node_id,
            types=self.relationship_type,
            created_by=self.created_by,
            min_confidence=self.min_confidence,
            created_after=self.created_after,
            created_before=self.created_before,
            with_suggested=self.include == "suggested",
        )


class EdgeQuery(EdgeFields, ListQuery):
    """Filters of edges, and a part of the list."""


class ExportQuery(EdgeFields):
    """Filters of edges, a format, and the most edges to write."""

    format: Format = Format.JSON
    limit: Annotated[int, Field(ge=1, le=EXTRACT_EDGES)] = 10_000


class WalkQuery(ScopeQuery):
    """Which edges are walked; `direction` is seen from the node the walk begins at."""

    relationship_type: Types = ()
    direction: Direction = Direction.BOTH
    include: Include | None = None

    @property
    def paths(self) -> Paths:
        """The edges that are walked."""
        return Paths(self.relationship_type, self.direction, self.include == "suggested")


class NeighborhoodQuery(WalkQuery):
    """How far to look: `limit` is the most nodes to return, `edge_limit` the most edges (four a node)."""

    depth: Annotated[int, Field(ge=1, le=4)] = 1
    limit: Annotated[int, Field(ge=1, le=1_000)] = 200
    edge_limit: Annotated[int, Field(ge=1, le=4_000)] | None = None

    @property
    def bounds(self) -> Bounds:
        """The bounds of the walk."""
        return Bounds(self.depth, self.limit, self.edge_limit or self.limit * EDGES_PER_NODE)


class PathQuery(WalkQuery):
    """Two nodes, and the most steps between them."""

    from_node_id: NodeId
    to_node_id: NodeId
    max_steps: Annotated[int, Field(ge=1, le=6)] = 6


@routes.get(
    "/v1/edges", summary="List edges", answers={200: EdgePage}, role=Role.VIEWER, errors=[InvalidPage]
)
async def list_edges(request: web.Request, principal: Principal, query: EdgeQuery) -> EdgePage:
    """The youngest first. A ghost edge has the id of its suggestion and the status `suggested`.

    Only a page without `next_page` is the last: where filters leave little, a page may be short, or empty.
    """
    return await request.app[GRAPH].edges(query.filters(scope_of(query, principal)), query.wanted_page)


@routes.get(
    "/v1/graph/neighborhood/{node}",
    summary="Walk the graph around a node",
    answers={200: Neighborhood},
    role=Role.VIEWER,
)
async def get_neighborhood(
    request: web.Request, principal: Principal, node: NodeId, query: NeighborhoodQuery
) -> Neighborhood:
    """Edges are walked in both directions; with `include=suggested`, ghost edges too. A node nobody knows is alone.

    Where a limit cuts a step, its nodes take turns, so that one with very many edges leaves room for the others.
    """
    scope = scope_of(query, principal)
    return await request.app[GRAPH].neighborhood(scope, node, query.paths, query.bounds)


@routes.get("/v1/graph/path", summary="Find a shortest path", answers={200: GraphPath}, role=Role.VIEWER)
async def get_path(request: web.Request, principal: Principal, query: PathQuery) -> GraphPath:
    """Of several shortest paths, one. Without a path, `found` is false.

    The search looks at 10,000 nodes at most, and at 5,000 edges a step.
    """
    ends = (query.from_node_id, query.to_node_id)
    return await request.app[GRAPH].path(scope_of(query, principal), ends, query.paths, query.max_steps)


@routes.get(
    "/v1/graph/export",
    summary="Export edges and the nodes they join",
    answers={200: MediaType("application/json", "A `GraphExtract`, or Cytoscape's JSON; GraphML is XML")},
    role=Role.VIEWER,
)
async def export_graph(request: web.Request, principal: Principal, query: ExportQuery) -> web.StreamResponse:
    """Written as it is read, the youngest edges first, at most `limit`, of a million that are looked at.

    `truncated` says at the end that there were more. An answer that breaks off is not complete.
    """
    scope = scope_of(query, principal)
    extract = request.app[GRAPH].extract(query.filters(scope), query.limit)
    chunks = query.format.chunks(scope, extract)
    first = await anext(chunks)
    headers = {
        "Content-Type": query.format.content_type,
        "Content-Disposition": f'attachment; filename="{scope}.{query.format.suffix}"',
    }
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    await response.write(first)
    async for chunk in chunks:
        await response.write(chunk)
    await response.write_eof()
    return response
