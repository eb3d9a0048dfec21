"""Decisions on suggestions."""

from typing import Final

from aiohttp import web

from wayside_events.contracts.governance import DecisionReply, DecisionRequest
from wayside_events.identifiers import Id
from wayside_governance.domain import errors
from wayside_governance.routes.keys import DECISIONS
from wayside_service.auth import Principal, Role
from wayside_service.http import RouteTable

routes = RouteTable(tags=["suggestions"])

_CONFLICTS: Final = (errors.SuggestionNotFound, errors.StaleRevision, errors.IllegalTransition)


@routes.post(
    "/v1/suggestions/{suggestion_id}/approve",
    summary="Approve a suggestion: its edge comes into being",
    answers={200: DecisionReply},
    role=Role.REVIEWER,
    errors=[*_CONFLICTS, errors.EdgeExists, errors.OwnProposal],
)
async def approve_suggestion(
    request: web.Request, principal: Principal, suggestion_id: Id, body: DecisionRequest
) -> DecisionReply:
    """Whoever proposed any of the evidence cannot approve, whatever roles they have."""
    return await request.app[DECISIONS].approve(principal, suggestion_id, body)


@routes.post(
    "/v1/suggestions/{suggestion_id}/reject",
    summary="Reject a suggestion, for a reason",
    answers={200: DecisionReply},
    role=Role.REVIEWER,
    errors=[*_CONFLICTS, errors.UnknownReason],
)
async def reject_suggestion(
    request: web.Request, principal: Principal, suggestion_id: Id, body: DecisionRequest
) -> DecisionReply:
    """The claim is remembered: it waits again only when its evidence or the content of its nodes is another."""
    return await request.app[DECISIONS].reject(principal, suggestion_id, body)


@routes.post(
    "/v1/suggestions/{suggestion_id}/undo",
    summary="Take back the latest decision on a suggestion",
    answers={200: DecisionReply},
    role=Role.REVIEWER,
    errors=[*_CONFLICTS, errors.EdgeChanged],
)
async def undo_decision(
    request: web.Request, principal: Principal, suggestion_id: Id, body: DecisionRequest
) -> DecisionReply:
    """The suggestion waits again; the edge of an approval is retracted."""
    return await request.app[DECISIONS].undo(principal, suggestion_id, body)
