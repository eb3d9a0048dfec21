"""What is known of nodes."""

from aiohttp import web

from wayside_events.contracts.governance import NodeDetails, PutNodesReply, PutNodesRequest
from wayside_events.edges import NodeId
from wayside_governance.domain.errors import NodeNotFound
from wayside_governance.routes.keys import QUERIES
from wayside_governance.routes.parameters import ScopeQuery, scope_of
from wayside_service.auth import Principal, Role
from wayside_service.http import RouteTable

routes = RouteTable(tags=["graph"])

NODES_LIMIT_BYTES = 16 * 1024 * 1024


@routes.put(
    "/v1/nodes",
    summary="Replace what is known of nodes",
    answers={200: PutNodesReply},
    role=Role.RUNNER,
    body_limit_bytes=NODES_LIMIT_BYTES,
)
async def put_nodes(request: web.Request, body: PutNodesRequest) -> PutNodesReply:
    """What is left out of a node is forgotten. Other content lets rejected claims about the node be proposed again."""
    return await request.app[QUERIES].put_nodes(body.scope, body.nodes)


@routes.get(
    "/v1/nodes/{node_id}",
    summary="Read a node",
    answers={200: NodeDetails},
    role=Role.VIEWER,
    errors=[NodeNotFound],
)
async def get_node(
    request: web.Request, principal: Principal, node_id: NodeId, query: ScopeQuery
) -> NodeDetails:
    """Return label, kind and content."""
    return await request.app[QUERIES].node(scope_of(query, principal), node_id)
