"""From a score to a confidence in (0, 1), calibrated without a look at the gold.

What a weakness is said to be (name, description) and how it shows (extended description, examples, consequences)
are written apart. A pair counts as confirmed when each half alone has it among the nearest. The confidence is the
measured rate of confirmation at that score: a logistic curve over log(score), fitted to the catalogue's own candidate pairs.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from cwe_links.nearness import Comparison, Matrix, Nearness, Ranks

# A half confirms a pair when one of the two has the other among its nearest this many.
CONFIRMING_RANK = 5
# Pairs that are looked at: one of the two has the other among its nearest this many.
CANDIDATE_RANK = 10
# Without both kinds of pairs nothing can be fitted: even odds at an ordinary near neighbour (score 1).
DEFAULT_SLOPE = 4.0
# Never certain, whatever the fit says.
FLOOR, CEILING = 0.001, 0.999


@dataclass(frozen=True)
class Calibration:
    """The curve 1 / (1 + exp(-(slope * log(score) + intercept))); grows with the score."""

    slope: float
    intercept: float

    @classmethod
    def of(cls, comparison: Comparison) -> Self:
        """Fitted to the candidate pairs of both halves; the default curve where that cannot be done."""
        first, second = candidate_pairs(comparison.whole.rank, CANDIDATE_RANK)
        scores = comparison.whole.score[first, second]
        testable = (scores > 0) & _described(comparison, first) & _described(comparison, second)
        confirmed = _confirms(comparison.defining, first, second) & _confirms(
            comparison.showing, first, second
        )
        scores, confirmed = scores[testable], confirmed[testable]
        if len(np.unique(confirmed)) < 2:
            return cls(DEFAULT_SLOPE, 0.0)
        fitted = LogisticRegression().fit(np.log(scores)[:, None], confirmed)
        slope = float(fitted.coef_[0, 0])
        return cls(slope, float(fitted.intercept_[0])) if slope > 0 else cls(DEFAULT_SLOPE, 0.0)

    def confidence(self, scores: Matrix) -> Matrix:
        """The confidence for each score; the floor where there is no similarity at all."""
        logs = np.log(np.maximum(scores, 1e-9))
        return np.clip(1.0 / (1.0 + np.exp(-(self.slope * logs + self.intercept))), FLOOR, CEILING)


def candidate_pairs(rank: Ranks, nearest: int) -> tuple[Ranks, Ranks]:
    """The unordered pairs of which one has the other among its nearest: indices, the first always the smaller."""
    among = np.minimum(rank, rank.T) <= nearest
    first, second = np.nonzero(np.triu(among, k=1))
    return first, second


def _confirms(half: Nearness, first: Ranks, second: Ranks) -> npt.NDArray[np.bool_]:
    near = np.minimum(half.rank[first, second], half.rank[second, first]) <= CONFIRMING_RANK
    return near & (half.score[first, second] > 0)


def _described(comparison: Comparison, which: Ranks) -> npt.NDArray[np.bool_]:
    """Whether the second half says anything at all that another shares."""
    shares: npt.NDArray[np.bool_] = np.any(comparison.showing.cosine > 0, axis=1)
    return shares[which]
