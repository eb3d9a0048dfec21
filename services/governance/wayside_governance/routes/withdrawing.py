"""Taking proposals back."""

from aiohttp import web

from wayside_events.contracts.governance import (
    WithdrawManyReply,
    WithdrawManyRequest,
    WithdrawReply,
    WithdrawRequest,
)
from wayside_events.identifiers import Id
from wayside_governance.domain import errors
from wayside_governance.domain.withdrawing import NotOwnProposal, ProposedByOthers
from wayside_governance.routes.keys import WITHDRAWALS
from wayside_governance.service.decisions import Asker
from wayside_service.auth import Principal, Role
from wayside_service.http import Reply, RouteTable
from wayside_service.idempotency import IdempotencyConflict, IdempotencyHeaders, reply_of

routes = RouteTable(tags=["suggestions"])


@routes.post(
    "/v1/suggestions/{suggestion_id}/withdraw",
    summary="Take a pending suggestion back",
    answers={200: WithdrawReply},
    role=Role.RUNNER,
    errors=[
        errors.SuggestionNotFound,
        errors.StaleRevision,
        errors.IllegalTransition,
        NotOwnProposal,
        ProposedByOthers,
        IdempotencyConflict,
    ],
)
async def withdraw_suggestion(
    request: web.Request,
    principal: Principal,
    suggestion_id: Id,
    body: WithdrawRequest | None,
    headers: IdempotencyHeaders,
) -> Reply:
    """Whoever proposed all of its evidence, or on whose behalf it was proposed, can; proposed again, it waits again."""
    asker = Asker(principal, headers.idempotency_key)
    wanted = body or WithdrawRequest()
    return reply_of(await request.app[WITHDRAWALS].withdraw(asker, suggestion_id, wanted))


@routes.post(
    "/v1/suggestions/withdraw",
    summary="Take many pending suggestions back, or those of a run",
    answers={200: WithdrawManyReply},
    role=Role.RUNNER,
    errors=[IdempotencyConflict],
)
async def withdraw_suggestions(
    request: web.Request, principal: Principal, body: WithdrawManyRequest, headers: IdempotencyHeaders
) -> Reply:
    """Answer one outcome per suggestion. Of a run, those are taken back that rest on no other evidence than its own.

    A run has pages of 500 suggestions: ask again with `page` until there is no `next_page`.
    """
    principal.require(Role.RUNNER, body.scope, field="/scope")
    key = headers.idempotency_key
    return reply_of(await request.app[WITHDRAWALS].withdraw_many(principal.subject, body, key))
