"""Review sessions: batches of cards that nobody else is given meanwhile."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from wayside_events.contracts.governance.nodes import NodeDetails
from wayside_events.contracts.governance.suggestions import SuggestionDetails
from wayside_events.contracts.model import Reply, Request
from wayside_events.edges import Confidence, NodeId, RelationshipType
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Scope

CLAIM_LIMIT = 100
"""How many cards one claim may have."""

CARD_EVIDENCE_LIMIT = 10
"""How many pieces of evidence a card shows."""

TtlSeconds = Annotated[int, Field(ge=10, le=3_600)]


class ReviewOrder(StrEnum):
    """Which cards come first."""

    UNCERTAIN = (
        "uncertain"  # the nearest to where people accept as often as they reject; one in ten by chance
    )
    CONFIDENCE = "confidence"  # the surest
    NEWEST = "newest"  # the youngest
    IMPACT = "impact"  # of the 500 surest, those whose nodes have the most edges


class ReviewFilter(Request):
    """Which suggestions are wanted; `None` is any. `node_id` is either end."""

    relationship_type: RelationshipType | None = None
    source_model: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    analysis_run_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    from_node_id: NodeId | None = None
    to_node_id: NodeId | None = None
    node_id: NodeId | None = None
    min_confidence: Confidence = 0.0
    max_confidence: Confidence = 1.0


class ClaimRequest(Request):
    """Cards for one reviewer, for so many seconds. Those they proposed, endorsed or skipped are not offered to them."""

    scope: Scope
    filter: ReviewFilter = ReviewFilter()
    order: ReviewOrder = ReviewOrder.UNCERTAIN
    count: int = Field(default=10, ge=1, le=CLAIM_LIMIT)
    ttl_seconds: TtlSeconds = 600


class RenewRequest(Request):
    """For how many seconds from now the cards are kept."""

    ttl_seconds: TtlSeconds = 600


class ReleaseRequest(Request):
    """Which cards are given back; all of the claim when none are named."""

    suggestion_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=CLAIM_LIMIT)] | None = None


class SkipRequest(Request):
    """Which cards are given back and not offered to this reviewer again for a day."""

    suggestion_ids: tuple[Id, ...] = Field(min_length=1, max_length=CLAIM_LIMIT)


class ReviewCard(SuggestionDetails):
    """A suggestion to decide, with what is known of its nodes. `by_chance` when the order did not choose it.

    `all_evidence` are the latest ten pieces, without what they hold; the suggestion itself has all of it.
    """

    from_node: NodeDetails | None = None
    to_node: NodeDetails | None = None
    by_chance: bool = False
    expires_at: Timestamp


class ClaimedCard(Reply):
    """A card that a claim still has."""

    suggestion_id: Id
    by_chance: bool = False
    expires_at: Timestamp


class ReviewClaim(Reply):
    """A batch of cards, and those of them that are neither decided, given back nor expired."""

    claim_id: Id
    scope: Scope
    order: ReviewOrder
    claimed_at: Timestamp
    cards: tuple[ClaimedCard, ...]


class ReviewClaimPage(Reply):
    """Part of a list of claims, the youngest first; `next_page` is None on the last one."""

    items: tuple[ReviewClaim, ...]
    next_page: str | None = None


class ReviewBatch(Reply):
    """The cards of a claim. Without cards, `claim_id` is None where nothing was left to claim.

    Of what the filter leaves, `held_by_others` are before other reviewers now, and `remaining` could be claimed next; both
    are counted up to 1,000. They mean "at least" where more than 10,000 cards wait: no more are asked whether they are free, and
    a claim without cards then says only that none of those was.
    """

    claim_id: Id | None = None
    order: ReviewOrder
    items: tuple[ReviewCard, ...]
    held_by_others: int
    remaining: int
    expires_at: Timestamp | None = None


class ReviewCards(Reply):
    """The cards that a claim still has, in its order."""

    claim_id: Id
    items: tuple[ReviewCard, ...]
