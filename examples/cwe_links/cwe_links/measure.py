"""Measures recall@10 of the inference and of what it was compared with: `python -m cwe_links.measure`.

Looks at the gold, and is therefore no part of the inference.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from cwe_links.evaluate import acceptance, recall_at
from cwe_links.gold import Gold, load_gold
from cwe_links.inference import infer, nearest_names
from cwe_links.links import Link
from cwe_links.nearness import Matrix, Nearness
from cwe_links.prose import Section, Weakness, load_weaknesses
from cwe_links.relationship import Relationship
from cwe_links.vectors import SECTION_WEIGHTS, Weights, vectorise

BANDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
EQUAL_WEIGHTS = dict.fromkeys(Section, 1.0)


def variants(weaknesses: Sequence[Weakness]) -> Iterator[tuple[str, Nearness]]:
    """Each way of comparing with its name, plainest first."""
    prose = ["\n".join(weakness.sections.values()) for weakness in weaknesses]
    yield "TF-IDF cosine, words", _by_cosine(_tfidf(prose, stop_words="english"))
    yield (
        "TF-IDF cosine, words and word pairs",
        _by_cosine(_tfidf(prose, stop_words="english", ngram_range=(1, 2))),
    )
    yield "TF-IDF cosine, sublinear", _by_cosine(_tfidf(prose, stop_words="english", sublinear_tf=True))
    yield (
        "TF-IDF cosine, 3 to 5 letters",
        _by_cosine(_tfidf(prose, analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)),
    )
    yield "latent semantic analysis, 200 dimensions", _by_cosine(_latent(prose, 200))
    equal, weighted = _weighted(weaknesses, EQUAL_WEIGHTS), _weighted(weaknesses, SECTION_WEIGHTS)
    yield "stems and word pairs, sections equal", _by_cosine(equal)
    yield "the same, sections weighted", _by_cosine(weighted)
    yield "the same, scaled by the crowd (what runs)", Nearness.of(weighted)
    for section in Section:
        without = {other: weight for other, weight in SECTION_WEIGHTS.items() if other is not section}
        yield f"what runs, without {section.value}", Nearness.of(_weighted(weaknesses, without))


def main() -> None:
    """Print recall per variant, acceptance per confidence band, and how well the types are read."""
    weaknesses, gold = load_weaknesses(), load_gold()
    console = Console(width=110)
    console.print(_recall_table(weaknesses, gold))
    links = infer(weaknesses).links
    console.print(_band_table(links, gold))
    console.print(_type_table(links, gold))


def _recall_table(weaknesses: Sequence[Weakness], gold: Gold) -> Table:
    table = Table("variant", "all", "even numbers", "odd numbers", title="recall@10")
    even, odd = _half(gold, 0), _half(gold, 1)
    for name, nearness in variants(weaknesses):
        nearest = nearest_names(weaknesses, nearness)
        found = [recall_at(nearest, gold, among=among) for among in (None, even, odd)]
        table.add_row(name, *(f"{recall:.3f}" for recall in found))
    return table


def _band_table(links: Sequence[Link], gold: Gold) -> Table:
    table = Table("confidence", "proposals", "related", "share", title="proposals by confidence")
    decided = [(link.confidence, bool(gold.between(link.source, link.target))) for link in links]
    for band in acceptance(decided, BANDS):
        share = "-" if band.acceptance is None else f"{band.acceptance:.2f}"
        table.add_row(f"{band.low:.1f} to {band.high:.1f}", str(band.decided), str(band.approved), share)
    return table


def _type_table(links: Sequence[Link], gold: Gold) -> Table:
    table = Table("proposed as", "proposals", "related", "of that type", "and direction", title="types")
    for relationship in Relationship:
        proposed = [link for link in links if link.relationship is relationship]
        related = [relations for link in proposed if (relations := gold.between(link.source, link.target))]
        same = [link for link in proposed if _agrees(link, gold, directed=False)]
        directed = [link for link in proposed if _agrees(link, gold, directed=True)]
        table.add_row(relationship.value, *(str(len(found)) for found in (proposed, related, same, directed)))
    return table


def _agrees(link: Link, gold: Gold, *, directed: bool) -> bool:
    stated = gold.between(link.source, link.target)
    return any(
        one.type == link.relationship.value and (one.source == link.source or not directed) for one in stated
    )


def _half(gold: Gold, remainder: int) -> list[str]:
    return [node for node in gold.partners if int(node.removeprefix("CWE-")) % 2 == remainder]


def _by_cosine(cosine: Matrix) -> Nearness:
    return Nearness.of(cosine, scaled=False)


def _tfidf(texts: Sequence[str], **options: object) -> Matrix:
    vectors = TfidfVectorizer(**options).fit_transform(texts)
    return np.asarray((vectors @ vectors.T).toarray())


def _latent(texts: Sequence[str], dimensions: int) -> Matrix:
    vectors = TfidfVectorizer(stop_words="english", sublinear_tf=True, min_df=2).fit_transform(texts)
    reduced = normalize(TruncatedSVD(dimensions, random_state=0).fit_transform(vectors))
    return np.asarray(reduced @ reduced.T)


def _weighted(weaknesses: Sequence[Weakness], weights: Weights) -> Matrix:
    whole = vectorise(weaknesses, weights).whole
    return np.asarray((whole @ whole.T).toarray())


if __name__ == "__main__":
    main()
