"""Explaining suggestions."""

from aiohttp import web

from wayside_events.contracts.governance import Explanation
from wayside_events.identifiers import Id
from wayside_governance.domain.errors import SuggestionNotFound
from wayside_governance.routes.keys import EXPLAIN
from wayside_service.auth import Principal, Role
from wayside_service.http import RouteTable

routes = RouteTable(tags=["reviews"])


@routes.get(
    "/v1/suggestions/{suggestion_id}/explain",
    summary="Read all that speaks for or against a suggestion",
    answers={200: Explanation},
    role=Role.VIEWER,
    errors=[SuggestionNotFound],
)
async def explain_suggestion(request: web.Request, principal: Principal, suggestion_id: Id) -> Explanation:
    """Both nodes with their edges, the evidence, what was decided of similar claims, rivals, and what each policy makes of it."""
    return await request.app[EXPLAIN].explain(principal, suggestion_id)
