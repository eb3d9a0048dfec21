"""Review sessions: reviewers are given cards that nobody else gets meanwhile, and give them back by deciding or by time."""

import random
from dataclasses import dataclass, field
from typing import Final

from wayside_events.contracts.governance import (
    ReleaseRequest,
    RenewRequest,
    ReviewBatch,
    ReviewCards,
    ReviewClaim,
    ReviewClaimPage,
    ReviewOrder,
    SkipRequest,
)
from wayside_events.identifiers import EntityId, ScopeName, new_id
from wayside_governance.domain.edges import NEWEST
from wayside_governance.domain.review_errors import ClaimNotFound, TooManyHeld
from wayside_governance.domain.reviews import HELD_LIMIT, CardsWanted, bands, drawn_by_chance, mixed
from wayside_governance.domain.verdicts import Wanted
from wayside_governance.domain.wanted import Order, Position
from wayside_governance.service.calibrating import boundaries
from wayside_governance.service.pages import Page, read_page, write_page
from wayside_governance.store import reviews
from wayside_service.auth import Principal, Role
from wayside_service.database import Connection, Database

SKIPPED_SECONDS: Final = 24 * 60 * 60

_TRIES = 5
"""How often free cards are looked for while others are faster."""

_SPARE = 100
"""How many more candidates are looked for than wanted, for those that somebody takes at this moment."""

_LONGEST_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class ReviewService:
    """Gives cards to reviewers."""

    database: Database
    dice: random.Random = field(default_factory=random.SystemRandom)

    async def claim(self, wanted: CardsWanted) -> ReviewBatch:
        """Lease cards that nobody has, and count what is left; raises `TooManyHeld`."""
        claim_id = new_id()
        async with self.database.transaction() as connection:
            held = await reviews.held_count(connection, wanted.scope, wanted.reviewer)
            if held + wanted.count > HELD_LIMIT:
                raise TooManyHeld(HELD_LIMIT)
            await self._lease(connection, claim_id, wanted)
            await reviews.forget_old(connection)
        async with self.database.transaction() as connection:
            claim = await reviews.claim(connection, claim_id, wanted.reviewer)
            leased = claim.cards if claim else ()
            items = await reviews.cards(connection, leased)
            waiting = await reviews.waiting(connection, wanted)
        return ReviewBatch(
            claim_id=claim_id if leased else None,
            order=wanted.order,
            items=tuple(items),
            held_by_others=waiting.held_by_others,
            remaining=waiting.remaining,
            expires_at=min((card.expires_at for card in leased), default=None),
        )

    async def _lease(self, connection: Connection, claim_id: EntityId, wanted: CardsWanted) -> None:
        known = await boundaries(connection, wanted.scope) if wanted.order is ReviewOrder.UNCERTAIN else {}
        of_types = bands(known, wanted.filters.relationship_type)
        by_chance = drawn_by_chance(wanted.order, wanted.count, self.dice)
        found = mixed(await reviews.draw(connection, wanted, by_chance), (), self.dice)
        leased = 0
        for _ in range(_TRIES):
            if leased >= wanted.count:
                break
            limit = wanted.count - leased + _SPARE
            ordered = await reviews.candidates(connection, wanted, of_types, limit)
            found = mixed((card.id for card in found), ordered, self.dice)
            if not found:
                break
            leased += await reviews.lease(connection, claim_id, wanted, found, place=leased)
            found = []
        if leased:
            await reviews.insert_claim(connection, claim_id, wanted)

    async def claims(self, scope: ScopeName, reviewer: Principal, page: Page) -> ReviewClaimPage:
        """Return the reviewer's claims that have cards."""
        after = read_page(page.page, Order.NEWEST) or NEWEST
        async with self.database.transaction(readonly=True) as connection:
            found = await reviews.claims(
                connection, scope, reviewer.subject, after=after, limit=page.limit + 1
            )
        shown = found[: page.limit]
        last = Position(shown[-1].claimed_at, shown[-1].claim_id) if len(found) > page.limit else None
        return ReviewClaimPage(items=tuple(shown), next_page=write_page(Order.NEWEST, last))

    async def cards(self, reviewer: Principal, claim_id: EntityId) -> ReviewCards:
        """Return the cards that a claim still has; raises `ClaimNotFound`."""
        async with self.database.transaction(readonly=True) as connection:
            claim = await _own(connection, reviewer, claim_id)
            items = await reviews.cards(connection, claim.cards)
        return ReviewCards(claim_id=claim_id, items=tuple(items))

    async def renew(self, reviewer: Principal, claim_id: EntityId, request: RenewRequest) -> ReviewClaim:
        """Keep the cards that the claim still has; raises `ClaimNotFound`."""
        async with self.database.transaction() as connection:
            claim = await _own(connection, reviewer, claim_id)
            await reviews.renew(connection, claim, reviewer.subject, request.ttl_seconds)
            return await _own(connection, reviewer, claim_id)

    async def release(self, reviewer: Principal, claim_id: EntityId, request: ReleaseRequest) -> ReviewClaim:
        """Give cards back, so that others may have them at once; raises `ClaimNotFound`."""
        async with self.database.transaction() as connection:
            claim = await _own(connection, reviewer, claim_id)
            await reviews.release(connection, claim, reviewer.subject, request.suggestion_ids)
            return await _own(connection, reviewer, claim_id)

    async def skip(self, reviewer: Principal, claim_id: EntityId, request: SkipRequest) -> ReviewClaim:
        """Give cards back and see them no more today; raises `ClaimNotFound`."""
        async with self.database.transaction() as connection:
            claim = await _own(connection, reviewer, claim_id)
            given = await reviews.release(connection, claim, reviewer.subject, request.suggestion_ids)
            await reviews.skip(connection, reviewer.subject, given, SKIPPED_SECONDS)
            await reviews.touch(connection, claim_id)
            return await _own(connection, reviewer, claim_id)


async def with_time_taken(connection: Connection, wanted: Wanted) -> Wanted:
    """Return a verdict with the time the reviewer had the card before them, unless they say how long it took."""
    if wanted.time_taken_seconds is not None:
        return wanted
    seconds = await reviews.time_taken(connection, wanted.suggestion_id, wanted.reviewed_by)
    return wanted if seconds is None else wanted._replace(time_taken_seconds=min(seconds, _LONGEST_SECONDS))


async def _own(connection: Connection, reviewer: Principal, claim_id: EntityId) -> ReviewClaim:
    claim = await reviews.claim(connection, claim_id, reviewer.subject)
    if claim is None or not reviewer.may(Role.REVIEWER, claim.scope):
        raise ClaimNotFound(f"You have no claim {claim_id}.")
    return claim
