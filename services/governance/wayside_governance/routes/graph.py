"""Reading of the graph."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from wayside_events.contracts.governance import EdgePage, Neighborhood
from wayside_events.edges import NodeId, RelationshipType
from wayside_governance.domain.errors import InvalidPage
from wayside_governance.domain.wanted import EdgeFilters
from wayside_governance.routes.keys import QUERIES
from wayside_governance.routes.parameters import Include, ListQuery, ScopeQuery, scope_of
from wayside_service.auth import Principal, Role
from wayside_service.http import RouteTable

routes = RouteTable(tags=["graph"])


class EdgeQuery(ListQuery):
    """Filters of edges; `node_id` is either end."""

    from_node_id: NodeId | None = None
    to_node_id: NodeId | None = None
    node_id: NodeId | None = None
    relationship_type: RelationshipType | None = None
    include: Include | None = None


class NeighborhoodQuery(ScopeQuery):
    """How far to look: `limit` is the most nodes to return."""

    depth: Annotated[int, Field(ge=1, le=4)] = 1
    limit: Annotated[int, Field(ge=1, le=1_000)] = 200
    include: Include | None = None


@routes.get(
    "/v1/edges", summary="List edges", answers={200: EdgePage}, role=Role.VIEWER, errors=[InvalidPage]
)
async def list_edges(request: web.Request, principal: Principal, query: EdgeQuery) -> EdgePage:
    """The youngest first. A ghost edge has the id of its suggestion and the status `suggested`."""
    filters = EdgeFilters(
        scope=scope_of(query, principal),
        from_node_id=query.from_node_id,
        to_node_id=query.to_node_id,
        node_id=query.node_id,
        relationship_type=query.relationship_type,
        with_suggested=query.include == "suggested",
    )
    return await request.app[QUERIES].edges(filters, query.wanted_page)


@routes.get(
    "/v1/graph/neighborhood/{node}",
    summary="Walk the graph around a node",
    answers={200: Neighborhood},
    role=Role.VIEWER,
)
async def get_neighborhood(
    request: web.Request, principal: Principal, node: NodeId, query: NeighborhoodQuery
) -> Neighborhood:
    """Edges are walked in both directions; with `include=suggested`, ghost edges too. A node nobody knows is alone."""
    return await request.app[QUERIES].neighborhood(
        scope_of(query, principal),
        node,
        depth=query.depth,
        limit=query.limit,
        with_suggested=query.include == "suggested",
    )
