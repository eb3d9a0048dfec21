"""Walks and searches, on graphs that are dictionaries."""

from collections.abc import Iterable
from itertools import pairwise, product
from uuid import UUID, uuid5

import pytest

from wayside_governance.domain.walks import Bounds, Direction, Link, Search, Step, Walk, per_node

NAMES = UUID(int=0)
Pairs = list[tuple[str, str]]


def step(pairs: Pairs, nodes: Iterable[str], direction: Direction, limit: int = 10_000) -> Step:
    links = []
    for node, (one, other) in product(list(nodes), pairs):
        edge_id = uuid5(NAMES, one + other)
        if node == one and direction is not Direction.IN:
            links.append(Link(node, other, edge_id, is_ghost=False))
        if node == other and direction is not Direction.OUT:
            links.append(Link(node, one, edge_id, is_ghost=False))
    return Step(links[:limit], is_cut=len(links) > limit)


def walked(pairs: Pairs, bounds: Bounds) -> Walk:
    walk = Walk.around("a", bounds)
    while not walk.is_over:
        walk.take(step(pairs, walk.frontier, Direction.BOTH, walk.edges_wanted))
    return walk


def found(pairs: Pairs, direction: Direction = Direction.BOTH, max_steps: int = 6) -> str | None:
    search = Search("a", "z", direction, max_steps=max_steps, max_nodes=1_000)
    while (side := search.next_side()) is not None:
        search.take(side, step(pairs, side.frontier, side.direction))
    return None if search.path is None else "".join(["a", *(link.other for link in search.path)])


def chain(nodes: str) -> Pairs:
    return list(pairwise(nodes))


def test_a_walk_ends_where_nothing_new_is() -> None:
    walk = walked([*chain("abc"), ("c", "a")], Bounds(4, 100, 100))
    assert (list(walk.nodes), len(walk.links), walk.is_cut) == (["a", "b", "c"], 3, False)


def test_a_walk_that_is_full_looks_once_whether_there_is_more() -> None:
    assert not walked(chain("abc"), Bounds(4, 3, 100)).is_cut
    assert walked(chain("abcd"), Bounds(4, 3, 100)).is_cut
    assert not walked(chain("abcd"), Bounds(2, 3, 100)).is_cut


def test_no_edge_leads_out_of_what_a_walk_found() -> None:
    walk = walked([("a", f"n{number}") for number in range(50)], Bounds(3, 10, 40))
    assert {link.other for link in walk.links.values()} < set(walk.nodes)
    assert (len(walk.nodes), walk.is_cut) == (10, True)


def test_nodes_share_a_step_and_few_may_have_it_all() -> None:
    assert (per_node(800, 1), per_node(800, 100), per_node(800, 10_000)) == (800, 16, 8)


@pytest.mark.parametrize("length", range(1, 7))
def test_a_path_is_found_whatever_its_length(length: int) -> None:
    nodes = "abcdefg"[:length] + "z"
    assert found(chain(nodes)) == nodes
    assert found(chain(nodes), max_steps=length - 1) is None


def test_the_shorter_of_two_paths_is_found() -> None:
    assert found(chain("abcdz") + chain("aefz") + chain("abxyz")) == "aefz"


def test_a_directed_path_goes_with_the_edges() -> None:
    pairs = [("a", "b"), ("z", "b"), ("b", "c"), ("c", "z")]
    assert found(pairs) == "abz"
    assert found(pairs, Direction.OUT) == "abcz"
    assert found(pairs, Direction.IN) is None


def test_a_node_is_at_its_own_place() -> None:
    search = Search("a", "a", max_steps=6, max_nodes=10)
    assert (search.next_side(), search.path) == (None, [])


def test_a_search_that_saw_too_many_nodes_says_so() -> None:
    search = Search("a", "z", max_steps=6, max_nodes=3)
    side = search.next_side()
    assert side is not None
    search.take(side, step([("a", "b"), ("a", "c")], side.frontier, side.direction))
    assert (search.next_side(), search.path, search.is_cut) == (None, None, True)
