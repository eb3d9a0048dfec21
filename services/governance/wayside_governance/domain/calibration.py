"""How far confidence says how often people accept: intervals, errors, boundaries and agreement; pure."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, groupby
from typing import Final, NamedTuple

from wayside_events.contracts.governance import Verdict

NORMAL_QUANTILE: Final = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution: intervals are of 95 %."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which judgements a report is about; `None` is any."""

    scope: str
    since: datetime
    until: datetime
    relationship_type: str | None = None
    source_model: str | None = None


class Tally(NamedTuple):
    """How many of how many: accepted, agreed, whatever is counted."""

    hits: int = 0
    total: int = 0

    @property
    def share(self) -> float:
        """The part of the total; 0 of nothing."""
        return self.hits / self.total if self.total else 0.0

    @property
    def rest(self) -> "Tally":
        """The others."""
        return Tally(self.total - self.hits, self.total)

    def plus(self, counted: bool) -> "Tally":
        """Return the tally with one more."""
        return Tally(self.hits + counted, self.total + 1)

    def interval(self) -> "Interval":
        """Return where the true share is likely to be."""
        return wilson(self)


class Interval(NamedTuple):
    """The bounds of a share."""

    low: float
    high: float


def wilson(tally: Tally, quantile: float = NORMAL_QUANTILE) -> Interval:
    """Return the score interval of a share; of nothing, anything is likely.

    Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927) 209-212. Brown, Cai and
    DasGupta, Interval estimation for a binomial proportion, Statistical Science 16 (2001) 101-133, recommend it for
    small totals, where the usual interval of Wald is far too narrow.
    """
    hits, total = tally
    if not total:
        return Interval(0.0, 1.0)
    share, square = hits / total, quantile**2
    center = (share + square / (2 * total)) / (1 + square / total)
    half = math.sqrt(share * (1 - share) / total + square / (4 * total**2)) * quantile / (1 + square / total)
    # Rounding leaves the last digit where the bound is exact.
    low = 0.0 if hits == 0 else max(center - half, 0.0)
    high = 1.0 if hits == total else min(center + half, 1.0)
    return Interval(low, high)


class Bin(NamedTuple):
    """Claims of about the same confidence: how many people accepted, and the mean of what was stated."""

    accepted: Tally
    mean_confidence: float


def expected_calibration_error(bins: Iterable[Bin]) -> float:
    """Return the mean distance of acceptance from confidence, weighted by the size of the bins.

    Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI (2015).
    """
    bins = list(bins)
    total = sum(one.accepted.total for one in bins)
    if not total:
        return 0.0
    distances = (one.accepted.total * abs(one.accepted.share - one.mean_confidence) for one in bins)
    return sum(distances) / total


def boundary(bins: Iterable[Bin], wanted: float = 0.5) -> float:
    """Return the confidence from which on people accept at least `wanted` of the claims; bins in rising order.

    0 when they do so everywhere, 1 when nowhere. Acceptance is made to rise with confidence first, as in isotonic
    regression, and drawn as straight lines between the bins.
    """
    curve = _rising([one for one in bins if one.accepted.total])
    below = [point for point in curve if point.share < wanted]
    above = [point for point in curve if point.share >= wanted]
    if not above:
        return 1.0
    if not below:
        return 0.0
    left, right = below[-1], above[0]
    part = (wanted - left.share) / (right.share - left.share)
    return left.high + part * (right.low - left.high)


class _Block(NamedTuple):
    """Bins that are taken together: from the first's mean confidence to the last's."""

    low: float
    high: float
    accepted: Tally

    @property
    def share(self) -> float:
        return self.accepted.share


def _rising(bins: Sequence[Bin]) -> list[_Block]:
    """Pool adjacent violators: Ayer, Brunk, Ewing, Reid and Silverman, Ann. Math. Stat. 26 (1955) 641-647."""
    blocks: list[_Block] = []
    for one in bins:
        block = _Block(one.mean_confidence, one.mean_confidence, one.accepted)
        while blocks and blocks[-1].share >= block.share:
            last = blocks.pop()
            hits, total = (a + b for a, b in zip(last.accepted, block.accepted, strict=True))
            block = _Block(last.low, block.high, Tally(hits, total))
        blocks.append(block)
    return blocks


class Opinion(NamedTuple):
    """A verdict of a person on a suggestion, at the revision that it made."""

    suggestion_id: str
    revision: int
    reviewer: str
    verdict: Verdict


def agreement(opinions: Iterable[Opinion]) -> dict[str, Tally]:
    """Return for each person how often another said the same; `opinions` by suggestion and revision.

    Verdicts are compared that follow each other without a change of the evidence between. The last word of each
    person counts; who undoes somebody's verdict says the opposite of it, and who undoes their own says nothing.
    """
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    for _, found in groupby(_numbered(opinions), key=lambda one: one[0]):
        said = _last_words([opinion for _, opinion in found])
        for one, other in combinations(said, 2):
            for reviewer in (one, other):
                tallies[reviewer] = tallies[reviewer].plus(said[one] is said[other])
    return dict(tallies)


def _numbered(opinions: Iterable[Opinion]) -> Iterable[tuple[tuple[str, int], Opinion]]:
    """Give each run of verdicts without a gap in their revisions a name of its own."""
    last, start = ("", 0), 0
    for one in opinions:
        if (one.suggestion_id, one.revision - 1) != last:
            start = one.revision
        last = (one.suggestion_id, one.revision)
        yield (one.suggestion_id, start), one


def _last_words(opinions: Sequence[Opinion]) -> dict[str, bool]:
    said: dict[str, bool] = {}
    standing: list[tuple[str, bool]] = []
    for one in opinions:
        match one.verdict:
            case Verdict.UNDO:
                _undo(one.reviewer, said, standing)
                continue
            case Verdict.REJECT:
                standing.append((one.reviewer, False))
            case _:
                standing.append((one.reviewer, True))
        said[one.reviewer] = standing[-1][1]
    return said


def _undo(reviewer: str, said: dict[str, bool], standing: list[tuple[str, bool]]) -> None:
    if not standing:
        return
    author, verdict = standing.pop()
    if author == reviewer:
        said.pop(reviewer, None)
    else:
        said[reviewer] = not verdict
