"""Storing of review sessions, and reading of cards."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import asyncpg

from wayside_events.contracts.governance import (
    CARD_EVIDENCE_LIMIT,
    ClaimedCard,
    NodeDetails,
    ReviewCard,
    ReviewClaim,
    ReviewOrder,
)
from wayside_governance.domain.reviews import UNKNOWN_BOUNDARY, Candidate, CardsWanted
from wayside_governance.domain.wanted import Filters, Position
from wayside_governance.store import reading
from wayside_governance.store.rows import id_of
from wayside_governance.store.statements import READING, REVIEWS
from wayside_service.database import Connection, Query

COUNT_LIMIT = 1_000
CARD_DECISIONS_LIMIT = 20
IMPACT_WINDOW = 500
IMPACT_EDGES = 200
SHORT_QUEUE = 200

ASKED_FIRST = 1_000
ASKED_AT_MOST = 10_000
"""How many cards are asked whether they are free: so many first, and so many where none of those is."""

_ORDERS: Final[Mapping[ReviewOrder, Query]] = MappingProxyType(
    {
        ReviewOrder.CONFIDENCE: REVIEWS.candidates_by_confidence,
        ReviewOrder.NEWEST: REVIEWS.candidates_newest,
        ReviewOrder.UNCERTAIN: REVIEWS.candidates_uncertain,
        ReviewOrder.IMPACT: REVIEWS.candidates_by_impact,
    }
)


class Waiting(NamedTuple):
    """What a filter hides because others have it, and what it leaves."""

    held_by_others: int
    remaining: int


async def candidates(
    connection: Connection, wanted: CardsWanted, bands: tuple[list[str], list[float]], limit: int
) -> list[str]:
    """Return cards that seem free, in the order wanted; wants a transaction. `bands` are types and boundaries.

    Only the first `ASKED_AT_MOST` of the queue are asked: there may be more than are found.
    """
    await connection.execute(READING.plan_for_these_filters)
    more: tuple[Any, ...] = ()
    match wanted.order:
        case ReviewOrder.UNCERTAIN:
            is_of_one_type = wanted.filters.relationship_type is not None
            more = (*bands, None if is_of_one_type else UNKNOWN_BOUNDARY)
        case ReviewOrder.IMPACT:
            more = (max(IMPACT_WINDOW, limit), IMPACT_EDGES)
        case _:
            pass
    statement = _ORDERS[wanted.order]
    rows = await connection.fetch(statement, *_filters(wanted), limit, ASKED_FIRST, *more)
    if not rows:
        rows = await connection.fetch(statement, *_filters(wanted), limit, ASKED_AT_MOST, *more)
    return [id_of(row["id"]) for row in rows]


async def draw(connection: Connection, wanted: CardsWanted, count: int) -> list[str]:
    """Return at most `count` free cards by chance; wants a transaction."""
    if not count:
        return []
    await connection.execute(READING.plan_for_these_filters)
    rows = await connection.fetch(
        REVIEWS.candidates_at_random, *_filters(wanted), count, ASKED_FIRST, SHORT_QUEUE
    )
    return [id_of(row["id"]) for row in rows]


async def insert_claim(connection: Connection, claim_id: str, wanted: CardsWanted) -> None:
    """Begin a claim."""
    await connection.execute(REVIEWS.insert_claim, claim_id, wanted.scope, wanted.reviewer, wanted.order)


async def lease(
    connection: Connection, claim_id: str, wanted: CardsWanted, cards: Sequence[Candidate], *, place: int
) -> int:
    """Lease the first of the cards that nobody has, as many as the claim lacks; returns how many."""
    rows = await connection.fetch(
        REVIEWS.lease_cards,
        claim_id,
        wanted.scope,
        wanted.reviewer,
        wanted.ttl_seconds,
        wanted.count - place,
        [card.id for card in cards],
        [card.is_random for card in cards],
        place,
    )
    return len(rows)


async def waiting(connection: Connection, wanted: CardsWanted) -> Waiting:
    """Count what is held by others and what is left, among `ASKED_AT_MOST` cards; wants a transaction."""
    await connection.execute(READING.plan_for_these_filters)
    row = await connection.fetchrow(REVIEWS.waiting, *_filters(wanted), COUNT_LIMIT, ASKED_AT_MOST)
    assert row is not None
    return Waiting(row["held_by_others"], row["remaining"])


def _filters(wanted: CardsWanted) -> tuple[object, ...]:
    filters: Filters = wanted.filters
    return (
        filters.scope,
        wanted.reviewer,
        filters.min_confidence,
        filters.max_confidence,
        filters.from_node_id,
        filters.to_node_id,
        filters.node_id,
        filters.relationship_type,
        filters.source_model,
        filters.analysis_run_id,
    )


async def held_count(connection: Connection, scope: str, reviewer: str) -> int:
    """Return how many cards a reviewer has."""
    count: int = await connection.fetchval(REVIEWS.held_count, scope, reviewer)
    return count


async def claim(connection: Connection, claim_id: str, reviewer: str) -> ReviewClaim | None:
    """Return a claim of a reviewer with the cards it still has."""
    row = await connection.fetchrow(REVIEWS.claim, claim_id, reviewer)
    if row is None:
        return None
    [found] = await _with_cards(connection, reviewer, [row])
    return found


async def claims(
    connection: Connection, scope: str, reviewer: str, *, after: Position, limit: int
) -> list[ReviewClaim]:
    """Return the claims of a reviewer that have cards, the youngest first."""
    rows = await connection.fetch(REVIEWS.claims_of, scope, reviewer, after.key, after.item_id, limit)
    return await _with_cards(connection, reviewer, rows)


async def _with_cards(
    connection: Connection, reviewer: str, rows: Sequence[asyncpg.Record]
) -> list[ReviewClaim]:
    if not rows:
        return []
    ids = [row["id"] for row in rows]
    leases = await connection.fetch(REVIEWS.leases_of, rows[0]["scope"], reviewer, ids)
    cards: defaultdict[Any, list[ClaimedCard]] = defaultdict(list)
    for one in leases:
        cards[one["claim_id"]].append(
            ClaimedCard(
                suggestion_id=id_of(one["suggestion_id"]),
                by_chance=one["is_random"],
                expires_at=one["expires_at"],
            )
        )
    return [
        ReviewClaim(
            claim_id=id_of(row["id"]),
            scope=row["scope"],
            order=row["card_order"],
            claimed_at=row["claimed_at"],
            cards=tuple(cards[row["id"]]),
        )
        for row in rows
    ]


async def renew(connection: Connection, held: ReviewClaim, reviewer: str, ttl_seconds: int) -> None:
    """Keep the cards of a claim for so long from now."""
    await connection.execute(REVIEWS.renew, held.scope, reviewer, held.claim_id, ttl_seconds)


async def release(
    connection: Connection, held: ReviewClaim, reviewer: str, suggestion_ids: Sequence[str] | None
) -> list[str]:
    """Give cards of a claim back, or all; returns those that it had."""
    rows = await connection.fetch(REVIEWS.release, held.scope, reviewer, held.claim_id, suggestion_ids)
    return [id_of(row["suggestion_id"]) for row in rows]


async def skip(connection: Connection, reviewer: str, suggestion_ids: Sequence[str], seconds: int) -> None:
    """Offer cards to a reviewer no more for so long."""
    await connection.execute(REVIEWS.skip, suggestion_ids, reviewer, seconds)


async def touch(connection: Connection, claim_id: str) -> None:
    """Note that a reviewer is done with a card of a claim."""
    await connection.execute(REVIEWS.touch, claim_id)


async def time_taken(connection: Connection, suggestion_id: str, reviewer: str) -> float | None:
    """Return for how many seconds a reviewer has had a card before them, where they were given it."""
    seconds: float | None = await connection.fetchval(REVIEWS.time_taken, suggestion_id, reviewer)
    return seconds


async def forget_old(connection: Connection) -> None:
    """Delete some of what ended long ago."""
    await connection.execute(REVIEWS.forget_old)


async def cards(connection: Connection, leased: Sequence[ClaimedCard]) -> list[ReviewCard]:
    """Return cards as a reviewer sees them, in the order given."""
    ids = [one.suggestion_id for one in leased]
    rows = await connection.fetch(REVIEWS.cards, ids)
    evidence = _grouped(await connection.fetch(REVIEWS.evidence_of, ids, CARD_EVIDENCE_LIMIT))
    decisions = _grouped(await connection.fetch(REVIEWS.decisions_on, ids, CARD_DECISIONS_LIMIT))
    by_id = {one.suggestion_id: one for one in leased}
    return [
        ReviewCard(
            **reading.shown_fields(row),
            evidence=reading.payload_of(row),
            all_evidence=tuple(map(reading.shown_evidence, evidence[row["id"]])),
            decisions=tuple(map(reading.shown_decision, decisions[row["id"]])),
            from_node=_node(row, "from"),
            to_node=_node(row, "to"),
            by_chance=by_id[id_of(row["id"])].by_chance,
            expires_at=by_id[id_of(row["id"])].expires_at,
        )
        for row in rows
    ]


def _grouped(rows: Sequence[asyncpg.Record]) -> Mapping[Any, list[asyncpg.Record]]:
    groups: defaultdict[Any, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        groups[row["suggestion_id"]].append(row)
    return groups


def _node(row: asyncpg.Record, end: str) -> NodeDetails | None:
    updated_at: datetime | None = row[f"{end}_updated_at"]
    if updated_at is None:
        return None
    return NodeDetails(
        id=row[f"{end}_node_id"],
        scope=row["scope"],
        label=row[f"{end}_label"],
        kind=row[f"{end}_kind"],
        content=row[f"{end}_content"],
        content_hash=row[f"{end}_content_hash"],
        updated_at=updated_at,
    )
