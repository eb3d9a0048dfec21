"""Reading of suggestions."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from wayside_events.contracts.governance import SuggestionDetails, SuggestionPage
from wayside_events.edges import Confidence, NodeId, RelationshipType, SuggestionStatus
from wayside_events.identifiers import Id
from wayside_governance.domain.errors import InvalidPage, SuggestionNotFound
from wayside_governance.domain.wanted import Filters, Order
from wayside_governance.routes.keys import QUERIES
from wayside_governance.routes.parameters import ListQuery, scope_of
from wayside_service.auth import Principal, Role
from wayside_service.http import RouteTable

routes = RouteTable(tags=["suggestions"])


class SuggestionQuery(ListQuery):
    """Filters of suggestions; `status` may be given repeatedly, `node_id` is either end."""

    status: tuple[SuggestionStatus, ...] = ()
    from_node_id: NodeId | None = None
    to_node_id: NodeId | None = None
    node_id: NodeId | None = None
    relationship_type: RelationshipType | None = None
    source_model: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    analysis_run_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    min_confidence: Confidence = 0.0
    max_confidence: Confidence = 1.0
    order: Order = Order.NEWEST


@routes.get(
    "/v1/suggestions",
    summary="List suggestions",
    answers={200: SuggestionPage},
    role=Role.VIEWER,
    errors=[InvalidPage],
)
async def list_suggestions(
    request: web.Request, principal: Principal, query: SuggestionQuery
) -> SuggestionPage:
    """One that does not change while pages are read is on exactly one of them. Evidence is not shown here."""
    filters = Filters(
        scope=scope_of(query, principal),
        statuses=tuple(dict.fromkeys(query.status)) or tuple(SuggestionStatus),
        min_confidence=query.min_confidence,
        max_confidence=query.max_confidence,
        from_node_id=query.from_node_id,
        to_node_id=query.to_node_id,
        node_id=query.node_id,
        relationship_type=query.relationship_type,
        source_model=query.source_model,
        analysis_run_id=query.analysis_run_id,
    )
    return await request.app[QUERIES].suggestions(filters, query.order, query.wanted_page)


@routes.get(
    "/v1/suggestions/{suggestion_id}",
    summary="Read a suggestion with its evidence and decisions",
    answers={200: SuggestionDetails},
    role=Role.VIEWER,
    errors=[SuggestionNotFound],
)
async def get_suggestion(request: web.Request, principal: Principal, suggestion_id: Id) -> SuggestionDetails:
    """Evidence and decisions are oldest first; of evidence, the latest 100 pieces are shown."""
    return await request.app[QUERIES].suggestion(principal, suggestion_id)
