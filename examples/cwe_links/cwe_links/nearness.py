"""How near every weakness is to every other, compared chunk by chunk."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from cwe_links.vectors import Vectors

Matrix = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.int64]

# How many nearest others say how crowded a weakness's surroundings are.
CROWD = 10


@dataclass(frozen=True)
class ComparedRows:
    """Cosines of some weaknesses (rows from `start`) with all weaknesses, in each view."""

    start: int
    whole: Matrix
    defining: Matrix
    showing: Matrix

    @property
    def stop(self) -> int:
        """One past the last row."""
        return self.start + len(self.whole)


def compare(vectors: Vectors, chunk_size: int = 32) -> Iterator[ComparedRows]:
    """Compare all weaknesses, `chunk_size` rows at a time; stop between chunks by not asking for the next."""
    for start in range(0, vectors.whole.shape[0], chunk_size):
        rows = slice(start, start + chunk_size)
        yield ComparedRows(
            start=start,
            whole=(vectors.whole[rows] @ vectors.whole.T).toarray(),
            defining=(vectors.defining[rows] @ vectors.defining.T).toarray(),
            showing=(vectors.showing[rows] @ vectors.showing.T).toarray(),
        )


@dataclass(frozen=True)
class Nearness:
    """Square matrices over all weaknesses; the diagonal is zero in `cosine` and `score` and last in `rank`."""

    cosine: Matrix
    # The cosine relative to how crowded both surroundings are: 1 is an ordinary near neighbour.
    score: Matrix
    # rank[i, j] is the place of j among the neighbours of i; 1 is the nearest.
    rank: Ranks

    @classmethod
    def of(cls, cosine: Matrix, *, scaled: bool = True) -> Self:
        """Scores and ranks from cosines; not `scaled`, the score is the cosine itself.

        Dividing by the geometric mean of both local densities makes hubs, which are fairly near to everything,
        less near (the scaling idea of Zelnik-Manor and Perona, 2004, and of CSLS, Conneau et al., 2018).
        """
        cosine = cosine.copy()
        np.fill_diagonal(cosine, 0.0)
        if not scaled:
            return cls(cosine, cosine, _ranks(cosine))
        density = np.sqrt(np.sort(cosine, axis=1)[:, -CROWD:].mean(axis=1))
        scale = np.outer(density, density)
        score = np.divide(cosine, scale, out=np.zeros_like(cosine), where=scale > 0)
        return cls(cosine, score, _ranks(score))

    def nearest(self, count: int) -> Ranks:
        """The `count` nearest of every weakness, nearest first, a row for each."""
        order = np.argsort(self.rank, axis=1, kind="stable")
        return order[:, : min(count, len(order) - 1)]


@dataclass(frozen=True)
class Comparison:
    """Nearness by the whole prose, and by its two halves on their own."""

    whole: Nearness
    defining: Nearness
    showing: Nearness

    @classmethod
    def of(cls, rows: Iterable[ComparedRows]) -> Self:
        """All rows put together, in whatever order they come."""
        ordered = sorted(rows, key=lambda row: row.start)
        return cls(
            whole=Nearness.of(np.vstack([row.whole for row in ordered])),
            defining=Nearness.of(np.vstack([row.defining for row in ordered])),
            showing=Nearness.of(np.vstack([row.showing for row in ordered])),
        )


def _ranks(score: Matrix) -> Ranks:
    """Places by falling score; equal scores keep the catalogue's order, and a weakness is last in its own row."""
    keys = -score
    np.fill_diagonal(keys, np.inf)
    # Rounding lets sums that were added in another order tie instead of swapping.
    order = np.argsort(np.round(keys, 12), axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, len(order) + 1)[None, :].repeat(len(order), axis=0), axis=1)
    return ranks
