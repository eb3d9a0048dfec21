"""Decisions on suggestions."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from wayside_events.contracts.governance import (
    ApproveRequest,
    DecisionReply,
    DecisionRequest,
    JudgeRequest,
    RivalPage,
)
from wayside_events.identifiers import Id
from wayside_governance.domain import errors
from wayside_governance.routes.keys import DECISIONS
from wayside_governance.service.decisions import Asker
from wayside_governance.service.pages import Page
from wayside_service.auth import Principal, Role
from wayside_service.http import ClosedModel, Reply, RouteTable
from wayside_service.idempotency import IdempotencyConflict, IdempotencyHeaders, reply_of

routes = RouteTable(tags=["suggestions"])

_CONFLICTS: Final = (
    errors.SuggestionNotFound,
    errors.StaleRevision,
    errors.IllegalTransition,
    IdempotencyConflict,
)


class RivalQuery(ClosedModel):
    """Names a part of a list of rivals."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    page: Annotated[str, Field(max_length=256)] | None = None


@routes.post(
    "/v1/suggestions/{suggestion_id}/approve",
    summary="Approve a suggestion: its edge comes into being",
    answers={200: DecisionReply},
    role=Role.REVIEWER,
    errors=[
        *_CONFLICTS,
        errors.EdgeExists,
        errors.RivalExists,
        errors.TooManyRivals,
        errors.AlreadyEndorsed,
        errors.ContentChanged,
        errors.OwnProposal,
    ],
)
async def approve_suggestion(
    request: web.Request,
    principal: Principal,
    suggestion_id: Id,
    body: ApproveRequest,
    headers: IdempotencyHeaders,
) -> Reply:
    """Whoever proposed any of the evidence cannot approve, whatever roles they have.

    Where the type needs two approvals, the first one is recorded as the verdict `endorse`, and the suggestion goes on
    waiting. `rivals: "supersede"` takes the pending rivals of a functional type out of the queue with it.
    """
    asker = Asker(principal, headers.idempotency_key)
    return reply_of(await request.app[DECISIONS].approve(asker, suggestion_id, body))


@routes.post(
    "/v1/suggestions/{suggestion_id}/reject",
    summary="Reject a suggestion, for a reason",
    answers={200: DecisionReply},
    role=Role.REVIEWER,
    errors=[*_CONFLICTS, errors.ContentChanged, errors.UnknownReason],
)
async def reject_suggestion(
    request: web.Request,
    principal: Principal,
    suggestion_id: Id,
    body: JudgeRequest,
    headers: IdempotencyHeaders,
) -> Reply:
    """The claim is remembered: it waits again only when its evidence or the content of its nodes is another."""
    asker = Asker(principal, headers.idempotency_key)
    return reply_of(await request.app[DECISIONS].reject(asker, suggestion_id, body))


@routes.post(
    "/v1/suggestions/{suggestion_id}/undo",
    summary="Take back the latest decision on a suggestion",
    answers={200: DecisionReply},
    role=Role.REVIEWER,
    errors=[*_CONFLICTS, errors.EdgeChanged],
)
async def undo_decision(
    request: web.Request,
    principal: Principal,
    suggestion_id: Id,
    body: DecisionRequest,
    headers: IdempotencyHeaders,
) -> Reply:
    """The suggestion waits again; the edge of an approval is retracted, and rivals it superseded wait again too.

    Expiry, withdrawal and an endorsement can be taken back as well; an undo cannot.
    """
    asker = Asker(principal, headers.idempotency_key)
    return reply_of(await request.app[DECISIONS].undo(asker, suggestion_id, body))


@routes.get(
    "/v1/suggestions/{suggestion_id}/rivals",
    summary="List the suggestions that exclude a suggestion",
    answers={200: RivalPage},
    role=Role.VIEWER,
    errors=[errors.SuggestionNotFound],
)
async def list_rivals(
    request: web.Request, principal: Principal, suggestion_id: Id, query: RivalQuery
) -> RivalPage:
    """Where the type is functional, all others of it from the same node, whatever their status, by the other node."""
    return await request.app[DECISIONS].rivals(principal, suggestion_id, Page(query.limit, query.page))
