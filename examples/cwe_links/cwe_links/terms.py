"""Prose to terms: stemmed words and pairs of neighbouring words, each with the form it was written in."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import snowballstemmer
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

WORD = re.compile(r"[a-z][a-z0-9+#]+")
# What may stand between the two words of a pair: a space or hyphen, or one short word ("lack of entropy").
JOINT = re.compile(r"[\s\"'/-]*(?:[a-z]{1,4} )?")
# In place of the stem of a stop word, which has none.
STOPPED = ""


class Term(NamedTuple):
    """A stem, or two stems joined by a space, and the words it stands for as they were written."""

    stem: str
    written: str


class _Word(NamedTuple):
    stem: str
    start: int
    end: int


def stems(text: str) -> list[str]:
    """The stems of single words and of word pairs, in the order of the text, repeats included."""
    lower = text.lower()
    words = _words(lower)
    single = [word.stem for word in words]
    return single + [f"{left.stem} {right.stem}" for left, right in _pairs(lower, words)]


def word_stems(text: str) -> frozenset[str]:
    """The distinct stems of single words."""
    return frozenset(map(_stem, WORD.findall(text.lower()))) - {STOPPED}


def terms(text: str) -> Iterator[Term]:
    """Single words first, then pairs of words that stand side by side or around one short stop word."""
    lower = text.lower()
    words = _words(lower)
    for word in words:
        yield Term(word.stem, lower[word.start : word.end])
    for left, right in _pairs(lower, words):
        yield Term(f"{left.stem} {right.stem}", lower[left.start : right.end])


def _pairs(lower: str, words: list[_Word]) -> Iterator[tuple[_Word, _Word]]:
    for left, right in pairwise(words):
        if JOINT.fullmatch(lower, left.end, right.start):
            yield left, right


def _words(lower: str) -> list[_Word]:
    return [
        _Word(stem, *match.span()) for match in WORD.finditer(lower) if (stem := _stem(match[0])) != STOPPED
    ]


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    if word in ENGLISH_STOP_WORDS:
        return STOPPED
    return str(snowballstemmer.stemmer("english").stemWord(word))
