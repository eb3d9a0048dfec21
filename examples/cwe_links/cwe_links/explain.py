"""Why two weaknesses are proposed: the evidence in numbers, and the reasoning in words."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from cwe_links.nearness import Nearness, Ranks
from cwe_links.prose import Section, Weakness
from cwe_links.relationship import Reading
from cwe_links.terms import terms
from cwe_links.vectors import Vectors

# Shared terms that the reasoning names, and how many of the strongest are looked at to find them.
REASONS, LOOKED_AT = 5, 40
# A pair of words is named instead of one of them when it carries at least this part of the word's share.
PAIR_PREFERENCE = 0.2


@dataclass(frozen=True)
class SharedTerm:
    """A term of both texts, as the first one writes it, and its share of their cosine."""

    term: str
    stem: str
    share: float


@dataclass(frozen=True)
class Evidence:
    """What a proposal rests on; the same input always gives the same evidence."""

    cosine: float
    # The cosine relative to how crowded both surroundings are; 1 is an ordinary near neighbour.
    score: float
    # The place of the second among the neighbours of the first, and the other way round; 1 is the nearest.
    rank_from: int
    rank_to: int
    # Strongest first.
    terms: tuple[SharedTerm, ...]
    # The share of the cosine that stands in each section, both texts averaged.
    sections: dict[Section, float]


class Explainer:
    """Gathers the evidence of pairs; built once for a catalogue."""

    def __init__(self, weaknesses: Sequence[Weakness], vectors: Vectors, nearness: Nearness) -> None:
        self._weaknesses = weaknesses
        self._vectors = vectors
        self._nearness = nearness
        self._written: dict[int, dict[str, str]] = {}

    def explain(self, readings: Sequence[Reading]) -> Iterator[Evidence]:
        """The evidence of many pairs at once."""
        first = np.array([reading.source for reading in readings])
        second = np.array([reading.target for reading in readings])
        products = csr_array(self._vectors.whole[first].multiply(self._vectors.whole[second]))
        sections = self._sections(first, second)
        for row, reading in enumerate(readings):
            one, other = reading.source, reading.target
            span = slice(products.indptr[row], products.indptr[row + 1])
            yield Evidence(
                cosine=round(float(self._nearness.cosine[one, other]), 4),
                score=round(float(self._nearness.score[one, other]), 4),
                rank_from=int(self._nearness.rank[one, other]),
                rank_to=int(self._nearness.rank[other, one]),
                terms=self._terms(one, products.indices[span], products.data[span]),
                sections={
                    section: round(shares[row], 3)
                    for section, shares in sections.items()
                    if shares[row] >= 0.001
                },
            )

    def _terms(self, one: int, columns: Ranks, products: npt.NDArray[np.float64]) -> tuple[SharedTerm, ...]:
        order = np.lexsort((columns, -np.round(products, 12)))[:LOOKED_AT]
        total = products.sum()
        ranked = {self._vectors.vocabulary[columns[place]]: float(products[place] / total) for place in order}
        written = self._written_forms(one)
        return tuple(SharedTerm(written[stem], stem, round(ranked[stem], 4)) for stem in telling(ranked))

    def _sections(self, first: Ranks, second: Ranks) -> dict[Section, list[float]]:
        whole = self._vectors.whole
        doubled = 2 * self._nearness.cosine[first, second]
        standing = {
            section: matrix[first].multiply(whole[second]).sum(axis=1)
            + matrix[second].multiply(whole[first]).sum(axis=1)
            for section, matrix in self._vectors.by_section.items()
        }
        return {section: (shares / doubled).tolist() for section, shares in standing.items()}

    def _written_forms(self, place: int) -> dict[str, str]:
        if place not in self._written:
            self._written[place] = written_forms(self._weaknesses[place])
        return self._written[place]


def in_words(evidence: Evidence) -> str:
    """The reasoning: "share: null pointer, dereference; each is the other's 1st nearest"."""
    return f"share: {', '.join(term.term for term in evidence.terms)}; {_places(evidence)}"


def telling(ranked: dict[str, float]) -> list[str]:
    """The few stems to name out of a ranking: no word twice, and a pair of words where it carries enough."""
    words = {stem: stem.split() for stem in ranked}
    pairs = {stem: both for stem, both in words.items() if len(both) == 2}
    named: set[str] = set()
    chosen: list[str] = []
    for stem, share in ranked.items():
        if named.isdisjoint(words[stem]):
            free = (pair for pair, both in pairs.items() if stem in both and named.isdisjoint(both))
            name = next((pair for pair in free if ranked[pair] >= PAIR_PREFERENCE * share), stem)
            named.update(words[name])
            chosen.append(name)
    return chosen[:REASONS]


def written_forms(weakness: Weakness) -> dict[str, str]:
    """For each stem of the text, the form it is most often written in."""
    counts = Counter(chain.from_iterable(map(terms, weakness.sections.values())))
    forms: dict[str, str] = {}
    for stem, written in sorted(counts, key=lambda term: (-counts[term], term.written)):
        forms.setdefault(stem, written)
    return forms


def _places(evidence: Evidence) -> str:
    if evidence.rank_from == evidence.rank_to:
        return f"each is the other's {_ordinal(evidence.rank_from)} nearest"
    return f"{_ordinal(evidence.rank_from)} and {_ordinal(evidence.rank_to)} nearest of each other"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
