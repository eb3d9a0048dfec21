"""The whole inference in one call, for tests and for reading; the worker runs the same steps phase by phase."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from cwe_links.links import Candidates, Link, LinkOptions, links_in_chunks
from cwe_links.nearness import Comparison, Nearness, compare
from cwe_links.prose import Weakness
from cwe_links.vectors import SECTION_WEIGHTS, Weights, vectorise

NEAREST = 10


@dataclass(frozen=True)
class Inferred:
    """The proposals, most confident first, and each weakness's ten nearest, nearest first."""

    links: tuple[Link, ...]
    nearest: Mapping[str, tuple[str, ...]]


def infer(
    weaknesses: Sequence[Weakness],
    options: LinkOptions | None = None,
    weights: Weights = SECTION_WEIGHTS,
) -> Inferred:
    """Infer links from prose alone; the same weaknesses always give the same answer."""
    vectors = vectorise(weaknesses, weights)
    comparison = Comparison.of(compare(vectors))
    candidates = Candidates.of(comparison, options or LinkOptions())
    chunks = links_in_chunks(weaknesses, vectors, comparison, candidates)
    return Inferred(tuple(chain.from_iterable(chunks)), nearest_names(weaknesses, comparison.whole))


def nearest_names(weaknesses: Sequence[Weakness], nearness: Nearness) -> Mapping[str, tuple[str, ...]]:
    """Each weakness's ten nearest by name, nearest first."""
    return {
        weakness.id: tuple(weaknesses[place].id for place in row)
        for weakness, row in zip(weaknesses, nearness.nearest(NEAREST), strict=True)
    }
