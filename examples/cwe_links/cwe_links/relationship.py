"""Which way two similar weaknesses relate, read off their prose: ChildOf, CanPrecede or PeerOf."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cwe_links.nearness import CROWD, Matrix, Ranks
from cwe_links.prose import Section, Weakness
from cwe_links.terms import word_stems

SENTENCE = re.compile(r"(?<=[.;!?])\s+|\n")
LEADS_TO = re.compile(
    r"\b(?:leads? to|leading to|led to|results? in|resulting in|causes?|causing|triggers?|triggering|followed by)\b|->",
    re.IGNORECASE,
)
# The least share of what is particular to each name that must stand on its side of a "leads to".
SEQUENCE_THRESHOLD = 0.4
# Below this difference of specificity (in standard deviations of both cues) neither is the other's special case.
PEER_BAND = 0.4


class Relationship(StrEnum):
    """The types of relationship that are proposed, spelled as the catalogue spells them."""

    # The first is a special case of the second.
    CHILD_OF = "ChildOf"
    # The first can lead to the second.
    CAN_PRECEDE = "CanPrecede"
    # Alike, and neither is the more general one.
    PEER_OF = "PeerOf"


@dataclass(frozen=True)
class Reading:
    """How a pair relates: source and target as places in the catalogue, in the direction of the relationship."""

    source: int
    target: int
    relationship: Relationship
    # In words, such as "CWE-79 is the more particular one".
    because: str


@dataclass(frozen=True)
class _Step:
    """The word stems on both sides of a "leads to"."""

    before: frozenset[str]
    after: frozenset[str]


class Reader:
    """Reads relationships; built once for a catalogue, then asked pair by pair."""

    def __init__(self, weaknesses: Sequence[Weakness], rank: Ranks) -> None:
        self._ids = [weakness.id for weakness in weaknesses]
        self._names = [word_stems(weakness.name) for weakness in weaknesses]
        self._information = _information(weaknesses)
        self._specificity = _specificity([self._weigh(name) for name in self._names], rank)
        self._steps = [list(_steps(weakness)) for weakness in weaknesses]

    def read(self, first: int, second: int) -> Reading:
        """The relationship of two weaknesses, given by their places in the catalogue."""
        return self._read_sequence(first, second) or self._read_level(first, second)

    def _read_sequence(self, first: int, second: int) -> Reading | None:
        forward, backward = self._sequence(first, second), self._sequence(second, first)
        if forward == backward or max(forward, backward) < SEQUENCE_THRESHOLD:
            return None
        cause, effect = (first, second) if forward > backward else (second, first)
        because = f"a sentence has {self._ids[cause]} lead to {self._ids[effect]}"
        return Reading(cause, effect, Relationship.CAN_PRECEDE, because)

    def _read_level(self, first: int, second: int) -> Reading:
        lead = float(self._specificity[first] - self._specificity[second])
        if abs(lead) < PEER_BAND:
            return Reading(first, second, Relationship.PEER_OF, "neither is clearly the more general one")
        child, parent = (first, second) if lead > 0 else (second, first)
        return Reading(child, parent, Relationship.CHILD_OF, f"{self._ids[child]} is the more particular one")

    def _sequence(self, cause: int, effect: int) -> float:
        """How clearly a sentence of either text has one name before and the other after a "leads to"; 0 to 1."""
        before, after = self._names[cause] - self._names[effect], self._names[effect] - self._names[cause]
        if not before or not after:
            return 0.0
        steps = self._steps[cause] + self._steps[effect]
        return max(
            (min(self._share(before, step.before), self._share(after, step.after)) for step in steps),
            default=0.0,
        )

    def _share(self, name: frozenset[str], side: frozenset[str]) -> float:
        return self._weigh(name & side) / self._weigh(name)

    def _weigh(self, words: frozenset[str]) -> float:
        return math.fsum(self._information[word] for word in words)


def _information(weaknesses: Sequence[Weakness]) -> Mapping[str, float]:
    """How much each word stem tells: its inverse document frequency over all prose."""
    documents = [word_stems("\n".join(weakness.sections.values())) for weakness in weaknesses]
    counts: dict[str, int] = {}
    for document in documents:
        for word in document:
            counts[word] = counts.get(word, 0) + 1
    return {word: float(np.log((1 + len(documents)) / (1 + count)) + 1) for word, count in counts.items()}


def _specificity(name_information: Sequence[float], rank: Ranks) -> Matrix:
    """Particular weaknesses have telling names and are few others' neighbour: the sum of both, standardised."""
    sought = np.log1p((rank <= CROWD).sum(axis=0))
    return _standard(np.array(name_information)) - _standard(sought)


def _standard(values: Matrix) -> Matrix:
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)


def _steps(weakness: Weakness) -> list[_Step]:
    sections = (text for section, text in weakness.sections.items() if section is not Section.NAME)
    sentences = (sentence for text in sections for sentence in SENTENCE.split(text))
    return [step for sentence in sentences for step in _steps_in(sentence)]


def _steps_in(sentence: str) -> list[_Step]:
    texts = LEADS_TO.split(sentence)
    if len(texts) == 1:
        return []
    parts = [word_stems(text) for text in texts]
    return [
        _Step(frozenset().union(*parts[:cut]), frozenset().union(*parts[cut:]))
        for cut in range(1, len(parts))
    ]
