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
from wayside_governance.domain.reviews import CardsWanted
from wayside_governance.domain.wanted import Filters
from wayside_governance.routes.keys import REVIEWS
from wayside_governance.routes.parameters import ListQuery, scope_of
from wayside_service.auth import Principal, Role
from wayside_service.http import RouteTable

routes = RouteTable(tags=["reviews"])


@routes.post(
    "/v1/suggestions/claims",
    summary="Claim cards to review, which nobody else is given meanwhile",
    answers={200: ReviewBatch},
    role=Role.REVIEWER,
    errors=[TooManyHeld],
)
async def claim_cards(request: web.Request, principal: Principal, body: ClaimRequest) -> ReviewBatch:
    """Cards come back by a decision, whoever makes it, by release or skip, or after `ttl_seconds`.

    A decision that does not say how long it took gets the time since the card was claimed, or since the reviewer was done
    with the one before. To be given no card does not mean that nothing waits: see `held_by_others`.
    """
    wanted = CardsWanted(
        reviewer=principal.subject,
        filters=Filters(scope=body.scope, statuses=(), **body.filter.model_dump()),
        order=body.order,
        count=body.count,
        ttl_seconds=body.ttl_seconds,
    )
    return await request.app[REVIEWS].claim(wanted)


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
    errors=[ClaimNotFound],
)
async def renew_claim(
    request: web.Request, principal: Principal, claim_id: Id, body: RenewRequest
) -> ReviewClaim:
    """Cards that expired are kept too, unless somebody else was given them."""
    return await request.app[REVIEWS].renew(principal, claim_id, body)


@routes.post(
    "/v1/suggestions/claims/{claim_id}/release",
    summary="Give cards of a claim back",
    answers={200: ReviewClaim},
    role=Role.REVIEWER,
    errors=[ClaimNotFound],
)
async def release_claim(
    request: web.Request, principal: Principal, claim_id: Id, body: ReleaseRequest
) -> ReviewClaim:
    """Others may have them at once. What the claim does not have is passed over."""
    return await request.app[REVIEWS].release(principal, claim_id, body)


@routes.post(
    "/v1/suggestions/claims/{claim_id}/skip",
    summary="Give cards of a claim back and see them no more for a day",
    answers={200: ReviewClaim},
    role=Role.REVIEWER,
    errors=[ClaimNotFound],
)
async def skip_cards(
    request: web.Request, principal: Principal, claim_id: Id, body: SkipRequest
) -> ReviewClaim:
    """Others may have them at once. What the claim does not have is passed over."""
    return await request.app[REVIEWS].skip(principal, claim_id, body)
