"""Review sessions: claim cards, keep them, give them back."""

from aiohttp import web

from wayside_events.contracts.governance import (
    ClaimRequest,
    ReleaseRequest,
    RenewRequest,
    ReviewBatch,
    ReviewCards,
    ReviewClaim,
    ReviewClaimPage,
    SkipRequest,
)
from wayside_events.identifiers import Id
from wayside_governance.domain.errors import InvalidPage
from wayside_governance.domain.review_errors import ClaimNotFound, TooManyHeld
from wayside_governance.routes.keys import REVIEWS
from wayside_governance.routes.parameters import ListQuery, scope_of
from wayside_governance.service.reviewing import Asking
from wayside_service.auth import Principal, Role
from wayside_service.http import Reply, RouteTable
from wayside_service.idempotency import Caller, IdempotencyConflict, IdempotencyHeaders, reply_of

routes = RouteTable(tags=["reviews"])


@routes.post(
    "/v1/suggestions/claims",
    summary="Claim cards to review, which nobody else is given meanwhile",
    answers={200: ReviewBatch},
    role=Role.REVIEWER,
    errors=[TooManyHeld, IdempotencyConflict],
)
async def claim_cards(
    request: web.Request, principal: Principal, body: ClaimRequest, headers: IdempotencyHeaders
) -> Reply:
    """Cards come back by a decision, whoever makes it, by release or skip, or after `ttl_seconds`.

    A decision that does not say how long it took gets the time since the card was claimed, or since the reviewer was done
    with the one before. To be given no card does not mean that nothing waits: see `held_by_others`.
    """
    caller = Caller(scope=body.scope, subject=principal.subject, key=headers.idempotency_key)
    return reply_of(await request.app[REVIEWS].claim(caller, body))


@routes.get(
    "/v1/suggestions/claims",
    summary="List your claims that have cards",
    answers={200: ReviewClaimPage},
    role=Role.REVIEWER,
    errors=[InvalidPage],
)
async def list_claims(request: web.Request, principal: Principal, query: ListQuery) -> ReviewClaimPage:
    """The youngest first."""
    scope = scope_of(query, principal, Role.REVIEWER)
    return await request.app[REVIEWS].claims(scope, principal, query.wanted_page)


@routes.get(
    "/v1/suggestions/claims/{claim_id}",
    summary="Read the cards that a claim of yours still has",
    answers={200: ReviewCards},
    role=Role.REVIEWER,
    errors=[ClaimNotFound],
)
async def get_claim(request: web.Request, principal: Principal, claim_id: Id) -> ReviewCards:
    """In the order in which they were given."""
    return await request.app[REVIEWS].cards(principal, claim_id)


@routes.post(
    "/v1/suggestions/claims/{claim_id}/renew",
    summary="Keep the cards of a claim longer",
    answers={200: ReviewClaim},
    role=Role.REVIEWER,
    errors=[ClaimNotFound, IdempotencyConflict],
)
async def renew_claim(
    request: web.Request,
    principal: Principal,
    claim_id: Id,
    body: RenewRequest,
    headers: IdempotencyHeaders,
) -> Reply:
    """Cards that expired are kept too, unless somebody else was given them."""
    reviewer = Asking(principal, headers.idempotency_key)
    return reply_of(await request.app[REVIEWS].renew(reviewer, claim_id, body))


@routes.post(
    "/v1/suggestions/claims/{claim_id}/release",
    summary="Give cards of a claim back",
    answers={200: ReviewClaim},
    role=Role.REVIEWER,
    errors=[ClaimNotFound, IdempotencyConflict],
)
async def release_claim(
    request: web.Request,
    principal: Principal,
    claim_id: Id,
    body: ReleaseRequest,
    headers: IdempotencyHeaders,
) -> Reply:
    """Others may have them at once. What the claim does not have is passed over."""
    reviewer = Asking(principal, headers.idempotency_key)
    return reply_of(await request.app[REVIEWS].release(reviewer, claim_id, body))


@routes.post(
    "/v1/suggestions/claims/{claim_id}/skip",
    summary="Give cards of a claim back and see them no more for a day",
    answers={200: ReviewClaim},
    role=Role.REVIEWER,
    errors=[ClaimNotFound, IdempotencyConflict],
)
async def skip_cards(
    request: web.Request,
    principal: Principal,
    claim_id: Id,
    body: SkipRequest,
    headers: IdempotencyHeaders,
) -> Reply:
    """Others may have them at once. What the claim does not have is passed over."""
    reviewer = Asking(principal, headers.idempotency_key)
    return reply_of(await request.app[REVIEWS].skip(reviewer, claim_id, body))
