"""Weaknesses as weighted term vectors: one for the whole prose, and one for each of its two halves.

A vector is the sum over the sections of weight x sqrt(count) x inverse document frequency, brought to unit length:
fields are combined term by term, as in BM25F (Robertson, Zaragoza and Taylor, 2004), and not similarity by
similarity. Every cosine is then a sum of one product per shared term, which is what the reasoning quotes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.sparse import csr_array, diags_array
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

from cwe_links.prose import Section, Weakness
from cwe_links.terms import stems

Weights: TypeAlias = Mapping[Section, float]

# How much a word counts by where it stands, and how much a pair of words counts beside a single one. Round numbers
# set by hand; README.md says what they are worth and how they were tried.
SECTION_WEIGHTS: Weights = {
    Section.NAME: 2.0,
    Section.DESCRIPTION: 1.0,
    Section.EXTENDED_DESCRIPTION: 1.0,
    Section.OBSERVED_EXAMPLES: 0.6,
    Section.DEMONSTRATIVE_EXAMPLES: 0.5,
    Section.ALTERNATE_TERMS: 0.5,
    Section.CONSEQUENCES: 0.4,
}
PAIR_WEIGHT = 0.5

# What a weakness is said to be, and how it shows. Written apart, so that each can confirm the other.
DEFINING = frozenset({Section.NAME, Section.DESCRIPTION})


@dataclass(frozen=True)
class Vectors:
    """Unit vectors, a row per weakness in the given order; a weakness without a term in a view has a zero row."""

    whole: csr_array
    defining: csr_array
    showing: csr_array
    # The share of each section in `whole`: rows add up to it.
    by_section: Mapping[Section, csr_array]
    vocabulary: Sequence[str]


def vectorise(weaknesses: Iterable[Weakness], weights: Weights = SECTION_WEIGHTS) -> Vectors:
    """Count the terms of every section once and weigh them into the three views; takes one weakness after the other."""
    sections = tuple(weights)
    counter = CountVectorizer(analyzer=stems, dtype=np.float64)
    texts = (weakness.text(section) for weakness in weaknesses for section in sections)
    counts = csr_array(counter.fit_transform(texts))
    counts.data = np.sqrt(counts.data)
    weighted = {
        section: weights[section] * counts[place :: len(sections)] for place, section in enumerate(sections)
    }
    vocabulary = tuple(str(stem) for stem in counter.get_feature_names_out())
    return _views(weighted, vocabulary)


def _views(weighted: Mapping[Section, csr_array], vocabulary: Sequence[str]) -> Vectors:
    terms = _term_weights(_sum(weighted.values()), vocabulary)
    scaled = {section: matrix @ terms for section, matrix in weighted.items()}
    whole = _sum(scaled.values())
    inverse_lengths = _inverse(np.sqrt(whole.multiply(whole).sum(axis=1)))
    return Vectors(
        whole=normalize(whole),
        defining=normalize(_sum(matrix for section, matrix in scaled.items() if section in DEFINING)),
        showing=normalize(_sum(matrix for section, matrix in scaled.items() if section not in DEFINING)),
        by_section={section: csr_array(inverse_lengths @ matrix) for section, matrix in scaled.items()},
        vocabulary=vocabulary,
    )


def _term_weights(counts: csr_array, vocabulary: Sequence[str]) -> csr_array:
    """Smoothed inverse document frequencies, those of word pairs reduced, as a diagonal matrix."""
    frequency = (counts > 0).sum(axis=0)
    inverse = np.log((1 + counts.shape[0]) / (1 + frequency)) + 1
    return diags_array(inverse * np.array([PAIR_WEIGHT if " " in stem else 1.0 for stem in vocabulary]))


def _inverse(lengths: np.ndarray) -> csr_array:
    return diags_array(np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0))


def _sum(matrices: Iterable[csr_array]) -> csr_array:
    first, *others = matrices
    for other in others:
        first = first + other
    return csr_array(first)
