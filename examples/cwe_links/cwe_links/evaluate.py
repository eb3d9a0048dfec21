"""How good the proposals are, by the catalogue's own relations."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from cwe_links.gold import Gold


class Verdict(StrEnum):
    """What the expert decides."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True)
class ExpertDecision:
    """A verdict with its reason, as the review API takes it."""

    verdict: Verdict
    note: str
    # One of the reasons that governance takes; an approval needs none.
    reason_code: str | None = None


@dataclass(frozen=True)
class Band:
    """How many proposals with a confidence in [low, high] were decided, and how many of them approved."""

    low: float
    high: float
    decided: int
    approved: int

    @property
    def acceptance(self) -> float | None:
        """Approved by decided; None where nothing was decided."""
        return self.approved / self.decided if self.decided else None


def recall_at(
    ranked: Mapping[str, Sequence[str]], gold: Gold, count: int = 10, *, among: Iterable[str] | None = None
) -> float:
    """The share of a weakness's gold partners among its `count` nearest, averaged over weaknesses with partners.

    Partners are unordered: a relation makes each of the two a partner of the other, whatever its type. A weakness
    that is not ranked counts as nothing found. `among` restricts the average, not the partners, to some.
    """
    asked = gold.partners.keys() if among is None else gold.partners.keys() & set(among)
    shares = [_found(ranked.get(node, ())[:count], gold.partners[node]) for node in asked]
    return math.fsum(shares) / len(shares) if shares else 0.0


def decide(source: str, target: str, gold: Gold) -> ExpertDecision:
    """What an expert would say who knows the catalogue: approve where it relates the two, whatever the type."""
    stated = gold.between(source, target)
    if stated:
        words = "; ".join(f"{relation.source} {relation.type} {relation.target}" for relation in stated)
        return ExpertDecision(Verdict.APPROVE, f"The catalogue states {words}.")
    shared = sorted(gold.parents(source) & gold.parents(target))
    if shared:
        note = f"The catalogue has both under {', '.join(shared)} and relates them no further."
        return ExpertDecision(Verdict.REJECT, note, "indirect")
    return ExpertDecision(Verdict.REJECT, "The catalogue states no relation between the two.", "not_related")


def acceptance(decided: Iterable[tuple[float, bool]], edges: Sequence[float]) -> list[Band]:
    """Acceptance per confidence band: `decided` is (confidence, approved); `edges` bound the bands, rising.

    A confidence on an edge belongs to the band above it, the last edge to the last band.
    """
    decisions = list(decided)
    bands = []
    for low, high in pairwise(edges):
        last = high == edges[-1]
        inside = [
            approved for value, approved in decisions if low <= value < high or (last and value == high)
        ]
        bands.append(Band(low, high, len(inside), sum(inside)))
    return bands


def acceptance_by_rank(decided: Iterable[tuple[float, bool]], groups: int) -> list[Band]:
    """Acceptance in groups of equal size, most confident first; a group's bounds are its own extremes."""
    ranked = sorted(decided, key=lambda decision: -decision[0])
    cuts = [round(place * len(ranked) / groups) for place in range(groups + 1)]
    parts = [ranked[start:stop] for start, stop in pairwise(cuts) if stop > start]
    return [Band(part[-1][0], part[0][0], len(part), sum(approved for _, approved in part)) for part in parts]


def _found(nearest: Sequence[str], partners: Collection[str]) -> float:
    return len(set(nearest) & set(partners)) / len(partners)
