"""Walks through the graph in bounded steps: where they go next, what they found, and whether a bound cut them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

LEAST_PER_NODE = 8
"""How many edges of a step each node may give, however many nodes there are."""

TURNS = 2
"""How many times its even share of a step a node may give, for others may have less than theirs."""

EDGES_FOR_A_NODE = 2
"""How many edges are looked at for each node that has room: some of them lead to the same one."""


class Direction(StrEnum):
    """Which edges of a node are followed."""

    BOTH = "both"  # whatever way they point
    OUT = "out"  # from the node
    IN = "in"  # to the node


class Link(NamedTuple):
    """An edge as a step goes over it: from `node`, where the walk was, to `other`."""

    node: str
    other: str
    edge_id: UUID
    is_ghost: bool


class Step(NamedTuple):
    """What one step found. `is_cut` when there was more than may be looked at."""

    links: Sequence[Link]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Paths:
    """Which edges a walk may take; no types are all of them."""

    types: tuple[str, ...] = ()
    direction: Direction = Direction.BOTH
    with_suggested: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a walk may go: steps, and nodes and edges in all."""

    depth: int
    nodes: int
    edges: int


def per_node(edges: int, nodes: int) -> int:
    """Return how many edges each of so many nodes may give to a step of so many."""
    return min(edges, max(LEAST_PER_NODE, TURNS * edges // max(nodes, 1)))


@dataclass(slots=True)
class Walk:
    """A walk from one node outwards. `nodes` are in the order they were found."""

    bounds: Bounds
    nodes: dict[str, None]
    frontier: list[str]
    links: dict[UUID, Link] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    depth: int = 0
    is_cut: bool = False

    @classmethod
    def around(cls, center: str, bounds: Bounds) -> "Walk":
        """Begin at a node."""
        return cls(bounds, {center: None}, [center])

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be found, or it is known that what there is has no room."""
        is_full = self.is_cut and len(self.nodes) >= self.bounds.nodes
        return is_full or not self.frontier or self.depth >= self.bounds.depth

    @property
    def edges_wanted(self) -> int:
        """How many edges the next step may look at."""
        left = self.bounds.edges - len(self.links)
        room = self.bounds.nodes - len(self.nodes)
        return min(left, LEAST_PER_NODE + EDGES_FOR_A_NODE * room) if room else left

    def take(self, step: Step) -> None:
        """Go a step: what has no room is left out, and the walk is cut."""
        self.depth += 1
        self.passed += self.frontier
        self.frontier = []
        self.is_cut |= step.is_cut
        for link in step.links:
            if link.edge_id not in self.links:
                self._follow(link)

    def _follow(self, link: Link) -> None:
        is_new = link.other not in self.nodes
        if len(self.links) >= self.bounds.edges or (is_new and len(self.nodes) >= self.bounds.nodes):
            self.is_cut = True
            return
        self.links[link.edge_id] = link
        if is_new:
            self.nodes[link.other] = None
            self.frontier.append(link.other)


@dataclass(slots=True)
class Side:
    """One half of a search: how each node was reached, and the nodes reached last."""

    reached: dict[str, Link | None]
    frontier: list[str]
    direction: Direction
    depth: int = 0

    def back(self, node: str) -> list[Link]:
        """Return the links from `node` back to where this side began."""
        links: list[Link] = []
        while (link := self.reached[node]) is not None:
            links.append(link)
            node = link.node
        return links


class Search:
    """The shortest path between two nodes, looked for from both ends, a whole step at a time.

    As long as the two sides have not met after m and n steps there is no path of m + n links or fewer, so the first node
    that both have is on a shortest one. A cut step may have hidden a shorter path, or the only one.
    """

    def __init__(
        self,
        start: str,
        goal: str,
        direction: Direction = Direction.BOTH,
        *,
        max_steps: int,
        max_nodes: int,
    ) -> None:
        self._max_steps = max_steps
        self._max_nodes = max_nodes
        self._sides = (
            Side({start: None}, [start], direction),
            Side({goal: None}, [goal], _opposite(direction)),
        )
        self._meeting = start if start == goal else None
        self.is_cut = False

    def next_side(self) -> Side | None:
        """Return the side that has the fewest nodes to go on from; `None` when the search is over."""
        one, other = self._sides
        is_over = self._meeting is not None or not one.frontier or not other.frontier
        if is_over or one.depth + other.depth >= self._max_steps:
            return None
        if len(one.reached) + len(other.reached) >= self._max_nodes:
            self.is_cut = True
            return None
        return min(self._sides, key=lambda side: len(side.frontier))

    def take(self, side: Side, step: Step) -> None:
        """Go a step on one side."""
        [opposite] = (other for other in self._sides if other is not side)
        self.is_cut |= step.is_cut
        side.depth += 1
        side.frontier = []
        for link in step.links:
            if link.other not in side.reached:
                side.reached[link.other] = link
                side.frontier.append(link.other)
                if link.other in opposite.reached:
                    self._meeting = link.other
                    return

    @property
    def path(self) -> list[Link] | None:
        """The links of the path from its start on, each from the node before; `None` when none was found."""
        if self._meeting is None:
            return None
        first, second = self._sides
        ahead = (Link(link.other, link.node, *link[2:]) for link in second.back(self._meeting))
        return [*reversed(first.back(self._meeting)), *ahead]


def _opposite(direction: Direction) -> Direction:
    match direction:
        case Direction.BOTH:
            return Direction.BOTH
        case Direction.OUT:
            return Direction.IN
        case Direction.IN:
            return Direction.OUT
