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
    reason_code: str
    note: str


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
        return ExpertDecision(Verdict.APPROVE, "in_catalogue", f"The catalogue states {words}.")
    shared = sorted(gold.parents(source) & gold.parents(target))
    if shared:
        note = f"The catalogue has both under {', '.join(shared)} and relates them no further."
        return ExpertDecision(Verdict.REJECT, "siblings_only", note)
    return ExpertDecision(
        Verdict.REJECT, "not_in_catalogue", "The catalogue states no relation between the two."
    )


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


def _found(nearest: Sequence[str], partners: Collection[str]) -> float:
    return len(set(nearest) & set(partners)) / len(partners)
