"""Proposed links: which pairs are worth a reviewer's time, most confident first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cwe_links.confidence import CANDIDATE_RANK, Calibration, candidate_pairs
from cwe_links.explain import Evidence, Explainer, in_words
from cwe_links.nearness import Comparison, Ranks
from cwe_links.prose import Weakness
from cwe_links.relationship import Reader, Reading, Relationship
from cwe_links.vectors import Vectors


@dataclass(frozen=True)
class LinkOptions:
    """How much to propose."""

    # A pair is proposed when one of the two has the other among its nearest this many; at most 10.
    links_per_weakness: int = 4
    min_confidence: float = 0.1


@dataclass(frozen=True)
class Link:
    """A proposed relationship between two weaknesses."""

    source: str
    target: str
    relationship: Relationship
    # How likely the two are related, see `confidence`; grows with the score.
    confidence: float
    # How much of their prose they share: the cosine.
    strength: float
    reasoning: str
    evidence: Evidence


@dataclass(frozen=True)
class Candidates:
    """Pairs worth proposing, an array place for each, most confident first."""

    first: Ranks
    second: Ranks
    confidence: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def of(cls, comparison: Comparison, options: LinkOptions) -> "Candidates":
        """The pairs near enough and confident enough; equal ones keep the catalogue's order."""
        nearest = min(options.links_per_weakness, CANDIDATE_RANK)
        first, second = candidate_pairs(comparison.whole.rank, nearest)
        score = comparison.whole.score[first, second]
        confidence = Calibration.of(comparison).confidence(score)
        kept = np.flatnonzero((confidence >= options.min_confidence) & (score > 0))
        order = kept[np.argsort(-np.round(score[kept], 9), kind="stable")]
        return cls(first[order], second[order], confidence[order])


def links_in_chunks(
    weaknesses: Sequence[Weakness],
    vectors: Vectors,
    comparison: Comparison,
    candidates: Candidates,
    chunk_size: int = 100,
) -> Iterator[tuple[Link, ...]]:
    """The candidates as links with their reasons, a chunk at a time and in their order."""
    explainer = Explainer(weaknesses, vectors, comparison.whole)
    reader = Reader(weaknesses, comparison.whole.rank)
    for start in range(0, len(candidates), chunk_size):
        rows = slice(start, start + chunk_size)
        pairs = zip(candidates.first[rows].tolist(), candidates.second[rows].tolist(), strict=True)
        readings = [reader.read(first, second) for first, second in pairs]
        confidences = candidates.confidence[rows].tolist()
        explained = zip(readings, confidences, explainer.explain(readings), strict=True)
        yield tuple(
            _link(weaknesses, reading, confidence, evidence) for reading, confidence, evidence in explained
        )


def _link(weaknesses: Sequence[Weakness], reading: Reading, confidence: float, evidence: Evidence) -> Link:
    return Link(
        source=weaknesses[reading.source].id,
        target=weaknesses[reading.target].id,
        relationship=reading.relationship,
        confidence=round(confidence, 3),
        strength=round(min(1.0, evidence.cosine), 3),
        reasoning=f"{in_words(evidence)}; {reading.because}",
        evidence=evidence,
    )
