"""The relations that the catalogue's editors state: what a proposal is judged by, never an input of the inference.

Only `evaluate`, `measure` and `demo` may import this module.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from cwe_links.catalogue import live_entries, node_name


@dataclass(frozen=True, order=True)
class Relation:
    """One typed, directed relation of the catalogue, such as CWE-79 ChildOf CWE-74."""

    source: str
    type: str
    target: str


@dataclass(frozen=True)
class Gold:
    """The catalogue's relations, each (source, type, target) once."""

    relations: frozenset[Relation]

    @classmethod
    def of(cls, relations: Iterable[Relation]) -> Self:
        """The gold of a hand-made list."""
        return cls(frozenset(relations))

    def among(self, nodes: Iterable[str]) -> Self:
        """The relations of which both ends are among the nodes."""
        kept = set(nodes)
        return self.of(one for one in self.relations if one.source in kept and one.target in kept)

    @cached_property
    def partners(self) -> Mapping[str, frozenset[str]]:
        """For every weakness that has any, the others it is related to, in whichever direction and type."""
        partners: dict[str, set[str]] = defaultdict(set)
        for relation in self.relations:
            partners[relation.source].add(relation.target)
            partners[relation.target].add(relation.source)
        return {node: frozenset(others) for node, others in partners.items()}

    @cached_property
    def pairs(self) -> frozenset[frozenset[str]]:
        """The unordered pairs that at least one relation connects."""
        return frozenset(frozenset((relation.source, relation.target)) for relation in self.relations)

    def between(self, one: str, other: str) -> tuple[Relation, ...]:
        """The relations between two weaknesses in either direction, sorted; empty when there is none."""
        return self._by_pair.get(frozenset((one, other)), ())

    def parents(self, node: str) -> frozenset[str]:
        """The weaknesses that the catalogue files this one under."""
        return self._parents.get(node, frozenset())

    @cached_property
    def _by_pair(self) -> Mapping[frozenset[str], tuple[Relation, ...]]:
        by_pair: dict[frozenset[str], list[Relation]] = defaultdict(list)
        for relation in sorted(self.relations):
            by_pair[frozenset((relation.source, relation.target))].append(relation)
        return {pair: tuple(relations) for pair, relations in by_pair.items()}

    @cached_property
    def _parents(self) -> Mapping[str, frozenset[str]]:
        parents: dict[str, set[str]] = defaultdict(set)
        for relation in self.relations:
            if relation.type == "ChildOf":
                parents[relation.source].add(relation.target)
        return {node: frozenset(others) for node, others in parents.items()}


def load_gold(path: Path | None = None) -> Gold:
    """The 1,420 relations of CWE 4.14.

    Counted as distinct (source, type, target) over all views, between weaknesses that are not deprecated. The file
    states 1,579: the same ChildOf is repeated for each view that shows it. The 1,420 connect 1,407 unordered pairs.
    """
    entries = list(live_entries(path))
    live = {entry.get("ID", "") for entry in entries}
    stated = (
        (entry.get("ID", ""), relation.get("Nature", ""), relation.get("CWE_ID", ""))
        for entry in entries
        for relation in entry.iterfind("{*}Related_Weaknesses/{*}Related_Weakness")
    )
    return Gold.of(
        Relation(node_name(source), nature, node_name(target))
        for source, nature, target in stated
        if target in live
    )
