"""Which cards a reviewer is given."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final, NamedTuple

from wayside_events.contracts.governance import ReviewOrder
from wayside_events.identifiers import ScopeName
from wayside_governance.domain.wanted import Filters

HELD_LIMIT: Final = 500
"""How many cards one reviewer may have in a scope."""

CHANCE: Final = 0.1
"""The share of uncertain cards that is drawn by chance.

What is only ever judged near the boundary tells nothing of the rest: calibration stays honest by a random sample.
"""

UNKNOWN_BOUNDARY: Final = 0.5
"""Where a type is taken to be uncertain that nobody has judged yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardsWanted:
    """What a reviewer asks for; of `filters`, the statuses say nothing: only what waits can be claimed."""

    reviewer: str
    filters: Filters
    order: ReviewOrder
    count: int
    ttl_seconds: int

    @property
    def scope(self) -> ScopeName:
        """The scope of the cards."""
        return ScopeName(self.filters.scope)


class Candidate(NamedTuple):
    """A card that seemed free."""

    id: str
    is_random: bool = False


def drawn_by_chance(order: ReviewOrder, count: int, dice: random.Random) -> int:
    """Return how many of the cards are to be drawn: of one card it is one in ten times."""
    if order is not ReviewOrder.UNCERTAIN:
        return 0
    share = CHANCE * count
    return int(share) + (dice.random() < share - int(share))


def bands(boundaries: Mapping[str, float], relationship_type: str | None) -> tuple[list[str], list[float]]:
    """Return the types with a boundary of their own, and the boundaries, as far as they are wanted."""
    if relationship_type is not None:
        boundaries = {relationship_type: boundaries.get(relationship_type, UNKNOWN_BOUNDARY)}
    return list(boundaries), list(boundaries.values())


def mixed(drawn: Iterable[str], ordered: Iterable[str], dice: random.Random) -> list[Candidate]:
    """Return candidates in order, those drawn by chance in between: their place says nothing."""
    by_chance = [Candidate(card, is_random=True) for card in dict.fromkeys(drawn)]
    taken = {candidate.id for candidate in by_chance}
    cards = [Candidate(card) for card in ordered if card not in taken]
    reach = max(ceil(len(by_chance) / CHANCE), len(by_chance))
    for candidate in by_chance:
        cards.insert(dice.randrange(min(reach, len(cards)) + 1), candidate)
    return cards
