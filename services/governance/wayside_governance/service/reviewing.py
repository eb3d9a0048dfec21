"""Review sessions: reviewers are given cards that nobody else gets meanwhile, and give them back by deciding or by time."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final

from pydantic import BaseModel

from wayside_events.contracts.governance import (
    ClaimRequest,
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
from wayside_governance.domain.wanted import Filters, Order, Position
from wayside_governance.service.calibrating import boundaries
from wayside_governance.service.pages import Page, read_page, write_page
from wayside_governance.store import reviews
from wayside_service.auth import Principal, Role
from wayside_service.database import Connection, Database
from wayside_service.idempotency import Answer, Caller, Once

SKIPPED_SECONDS: Final = 24 * 60 * 60

_TRIES = 5
"""How often free cards are looked for while others are faster."""

_SPARE = 100
"""How many more candidates are looked for than wanted, for those that somebody takes at this moment."""

_LONGEST_SECONDS = 86_400.0


Change = Callable[[Connection, ReviewClaim], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asking:
    """A reviewer who asks for something, and the idempotency key of the request, if any."""

    principal: Principal
    key: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewService:
    """Gives cards to reviewers."""

    database: Database
    once: Once
    dice: random.Random = field(default_factory=random.SystemRandom)

    async def claim(self, caller: Caller, request: ClaimRequest) -> Answer:
        """Lease cards that nobody has, and count what is left; raises `TooManyHeld`.

        Of a repeat of the request the claim is the same, and its cards are those that it still has.
        """
        wanted = _wanted(caller, request)

        async def act(connection: Connection) -> Answer:
            claim_id = new_id()
            held = await reviews.held_count(connection, wanted.scope, wanted.reviewer)
            if held + wanted.count > HELD_LIMIT:
                raise TooManyHeld(HELD_LIMIT)
            await self._lease(connection, claim_id, wanted)
            await reviews.forget_old(connection)
            return Answer(HTTPStatus.OK, claim_id.encode())

        answer = await self.once.run(caller.asks("claim", request), act)
        batch = await self._batch(EntityId(answer.body.decode()), wanted)
        return Answer(answer.status, batch.model_dump_json().encode(), answer.is_replay)

    async def _batch(self, claim_id: EntityId, wanted: CardsWanted) -> ReviewBatch:
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
            if not ordered and wanted.order is ReviewOrder.UNCERTAIN:
                surest = replace(wanted, order=ReviewOrder.CONFIDENCE)
                ordered = await reviews.candidates(connection, surest, of_types, limit)
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

    async def renew(self, reviewer: Asking, claim_id: EntityId, request: RenewRequest) -> Answer:
        """Keep the cards that the claim still has; raises `ClaimNotFound`."""

        async def act(connection: Connection, claim: ReviewClaim) -> None:
            await reviews.renew(connection, claim, reviewer.principal.subject, request.ttl_seconds)

        return await self._change(reviewer, claim_id, act, request)

    async def release(self, reviewer: Asking, claim_id: EntityId, request: ReleaseRequest) -> Answer:
        """Give cards back, so that others may have them at once; raises `ClaimNotFound`."""

        async def act(connection: Connection, claim: ReviewClaim) -> None:
            await reviews.release(connection, claim, reviewer.principal.subject, request.suggestion_ids)

        return await self._change(reviewer, claim_id, act, request)

    async def skip(self, reviewer: Asking, claim_id: EntityId, request: SkipRequest) -> Answer:
        """Give cards back and see them no more today; raises `ClaimNotFound`."""
        subject = reviewer.principal.subject

        async def act(connection: Connection, claim: ReviewClaim) -> None:
            given = await reviews.release(connection, claim, subject, request.suggestion_ids)
            await reviews.skip(connection, subject, given, SKIPPED_SECONDS)
            await reviews.touch(connection, claim_id)

        return await self._change(reviewer, claim_id, act, request)

    async def _change(
        self, reviewer: Asking, claim_id: EntityId, change: Change, request: BaseModel
    ) -> Answer:
        async with self.database.acquire() as connection:
            known = await _own(connection, reviewer.principal, claim_id)
        caller = Caller(scope=known.scope, subject=reviewer.principal.subject, key=reviewer.key)

        async def act(connection: Connection) -> Answer:
            await change(connection, await _own(connection, reviewer.principal, claim_id))
            after = await _own(connection, reviewer.principal, claim_id)
            return Answer(HTTPStatus.OK, after.model_dump_json().encode())

        return await self.once.run(caller.asks(type(request).__name__, claim_id, request), act)


def _wanted(caller: Caller, request: ClaimRequest) -> CardsWanted:
    return CardsWanted(
        reviewer=caller.subject,
        filters=Filters(scope=caller.scope, statuses=(), **request.filter.model_dump()),
        order=request.order,
        count=request.count,
        ttl_seconds=request.ttl_seconds,
    )


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
