"""Edges, neighbourhoods and paths."""

from typing import Any
from urllib.parse import quote

from tests.governance.api import Api, proposal
from yarl import URL

AWKWARD_IDS = ["https://example.org/a/b?c=d#e", "ns:x y", "100%25", "ä/ö ü", "a+b&c"]


async def connect(api: Api, reviewer: Api, *pairs: tuple[str, str]) -> None:
    """Make approved edges."""
    for one, other in pairs:
        suggestion = await api.suggest(from_node_id=one, to_node_id=other)
        assert (await reviewer.approve(suggestion)).status == 200


async def suggest(api: Api, *pairs: tuple[str, str]) -> None:
    await api.propose(*(proposal(from_node_id=one, to_node_id=other) for one, other in pairs))


async def around(api: Api, node: str, **params: Any) -> dict[str, Any]:
    answer = await api.get(f"/v1/graph/neighborhood/{node}", **params)
    assert answer.status == 200, answer
    body: dict[str, Any] = answer.body
    return body


def names(body: dict[str, Any]) -> set[str]:
    return {node["id"] for node in body["nodes"]}


def pairs_of(body: dict[str, Any]) -> set[str]:
    return {edge["from_node_id"] + edge["to_node_id"] for edge in body["edges"]}


async def test_depth_is_how_many_steps_are_taken(api: Api, reviewer: Api) -> None:
    await connect(api, reviewer, ("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "f"))
    for depth, found in ((1, "ab"), (2, "abc"), (3, "abcd"), (4, "abcde")):
        body = await around(api, "a", depth=depth)
        assert names(body) == set(found)
        assert len(body["edges"]) == depth
        assert not body["truncated"]


async def test_edges_are_walked_in_both_directions(api: Api, reviewer: Api) -> None:
    await connect(api, reviewer, ("b", "a"), ("a", "c"), ("x", "y"))
    body = await around(api, "a")
    assert names(body) == {"a", "b", "c"}
    assert pairs_of(body) == {"ba", "ac"}


async def test_a_circle_is_walked_once(api: Api, reviewer: Api) -> None:
    await connect(api, reviewer, ("a", "b"), ("b", "c"), ("c", "a"))
    body = await around(api, "a", depth=4)
    assert names(body) == {"a", "b", "c"}
    assert pairs_of(body) == {"ab", "bc", "ca"}
    assert len(body["edges"]) == 3


async def test_ghost_edges_appear_only_when_asked_for_and_are_flagged(api: Api, reviewer: Api) -> None:
    await connect(api, reviewer, ("a", "b"))
    await suggest(api, ("a", "c"), ("c", "d"))
    assert pairs_of(await around(api, "a", depth=4)) == {"ab"}
    body = await around(api, "a", depth=4, include="suggested")
    assert names(body) == {"a", "b", "c", "d"}
    assert {edge["to_node_id"]: edge["status"] for edge in body["edges"]} == {
        "b": "approved",
        "c": "suggested",
        "d": "suggested",
    }


async def test_what_was_decided_is_no_ghost(api: Api, reviewer: Api) -> None:
    await connect(api, reviewer, ("a", "b"))
    suggestion = await api.suggest(from_node_id="a", to_node_id="c")
    await reviewer.reject(suggestion)
    assert pairs_of(await around(api, "a", include="suggested")) == {"ab"}


async def test_a_neighbourhood_over_the_node_limit_is_cut_and_says_so(api: Api) -> None:
    await suggest(api, *(("hub", f"n{number:02}") for number in range(20)))
    body = await around(api, "hub", limit=8, include="suggested")
    assert (len(body["nodes"]), body["truncated"]) == (8, True)
    assert all({edge["from_node_id"], edge["to_node_id"]} <= names(body) for edge in body["edges"])


async def test_a_neighbourhood_that_just_fits_is_not_cut(api: Api) -> None:
    await suggest(api, *(("hub", f"n{number:02}") for number in range(7)))
    body = await around(api, "hub", limit=8, include="suggested", depth=3)
    assert (len(body["nodes"]), len(body["edges"]), body["truncated"]) == (8, 7, False)


async def test_a_neighbourhood_over_the_edge_limit_is_cut_and_says_so(api: Api) -> None:
    types = [proposal(from_node_id="a", to_node_id="b", relationship_type=f"t{n}") for n in range(20)]
    await api.propose(*types)
    body = await around(api, "a", limit=2, include="suggested")
    assert (len(body["edges"]), body["truncated"]) == (8, True)


async def test_a_hub_leaves_the_other_nodes_of_a_step_their_share(api: Api) -> None:
    await suggest(api, ("start", "a-hub"), ("start", "b"), ("b", "c"))
    await suggest(api, *(("a-hub", f"n{number:03}") for number in range(300)))
    body = await around(api, "start", depth=2, limit=20, include="suggested")
    assert {"a-hub", "b", "c", "n000"} <= names(body)
    assert (len(body["nodes"]), body["truncated"]) == (20, True)


async def test_a_walk_is_over_the_types_and_the_way_asked_for(api: Api) -> None:
    ends = (("a", "b", "one"), ("b", "c", "two"), ("z", "a", "one"), ("b", "d", "one"))
    await api.propose(*(proposal(from_node_id=f, to_node_id=t, relationship_type=r) for f, t, r in ends))
    ghosts = {"include": "suggested", "depth": 4}
    assert names(await around(api, "a", **ghosts, relationship_type="one")) == {"a", "b", "d", "z"}
    assert names(await around(api, "a", **ghosts, direction="out")) == {"a", "b", "c", "d"}
    assert names(await around(api, "a", **ghosts, direction="in")) == {"a", "z"}


async def test_a_path_is_the_shortest_and_goes_over_ghosts_only_when_asked_to(
    api: Api, reviewer: Api
) -> None:
    await connect(api, reviewer, ("a", "b"), ("c", "b"), ("c", "d"))
    await suggest(api, ("a", "d"))
    ends = {"from_node_id": "a", "to_node_id": "d"}
    path = (await api.get("/v1/graph/path", **ends)).body
    assert [node["id"] for node in path["nodes"]] == ["a", "b", "c", "d"]
    assert [edge["from_node_id"] + edge["to_node_id"] for edge in path["edges"]] == ["ab", "cb", "cd"]
    ghost = (await api.get("/v1/graph/path", **ends, include="suggested")).body
    assert [edge["status"] for edge in ghost["edges"]] == ["suggested"]
    for params in ({"max_steps": 2}, {"direction": "out"}, {"relationship_type": "other"}):
        answer = (await api.get("/v1/graph/path", **ends, **params)).body
        assert (answer["found"], answer["nodes"], answer["truncated"]) == (False, [], False)


async def test_a_node_nobody_knows_is_alone(api: Api) -> None:
    body = await around(api, "nowhere")
    assert (names(body), body["edges"], body["truncated"]) == ({"nowhere"}, [], False)


async def test_any_characters_may_be_in_a_node_id(api: Api) -> None:
    for node in AWKWARD_IDS:
        await suggest(api, (node, "b"))
        path = f"/v1/graph/neighborhood/{quote(node, safe='')}?include=suggested"
        answer = await api.call("GET", URL(path, encoded=True))
        assert {node, "b"} <= names(answer.body)
        assert answer.body["center"] == node


async def test_nodes_carry_what_is_known_of_them(api: Api) -> None:
    await api.propose(
        proposal(from_node_id="a", to_node_id="b", from_node={"label": "A", "kind": "k", "content": "long"})
    )
    body = await around(api, "a", include="suggested")
    assert body["nodes"][0] == {"id": "a", "label": "A", "kind": "k"}


async def test_edges_are_filtered_and_paged_youngest_first(api: Api, reviewer: Api) -> None:
    await connect(api, reviewer, *(("a", f"b{number}") for number in range(5)))
    await suggest(api, ("a", "ghost"))
    found: list[str] = []
    page: dict[str, str] = {}
    while True:
        body = (await api.get("/v1/edges", from_node_id="a", limit=2, **page)).body
        found += [edge["to_node_id"] for edge in body["items"]]
        if body["next_page"] is None:
            break
        page = {"page": body["next_page"]}
    assert found == ["b4", "b3", "b2", "b1", "b0"]


async def test_a_list_of_edges_has_ghosts_when_asked_for(api: Api, reviewer: Api) -> None:
    await connect(api, reviewer, ("a", "b"))
    await suggest(api, ("a", "c"))
    items = (await api.get("/v1/edges", include="suggested")).body["items"]
    assert [(edge["to_node_id"], edge["status"]) for edge in items] == [("c", "suggested"), ("b", "approved")]


async def test_every_filter_of_edges_leaves_out_what_it_does_not_name(api: Api, reviewer: Api) -> None:
    for number, (one, other, name) in enumerate(
        (("a", "b", "r"), ("a", "c", "s"), ("c", "a", "r"), ("b", "c", "r"))
    ):
        ends: dict[str, Any] = {"from_node_id": one, "to_node_id": other, "relationship_type": name}
        suggestion = await api.suggest(number, **ends, confidence=0.2 * (number + 1))
        await (reviewer if number else reviewer.as_("otto", "reviewer")).approve(suggestion)
    moments = [edge["created_at"] for edge in (await api.get("/v1/edges")).body["items"]]
    wanted: tuple[tuple[dict[str, Any], str], ...] = (
        ({"from_node_id": "a"}, "ac ab"),
        ({"to_node_id": "a"}, "ca"),
        ({"node_id": "a"}, "ca ac ab"),
        ({"from_node_id": "a", "to_node_id": "c"}, "ac"),
        ({"from_node_id": "a", "node_id": "b"}, "ab"),
        ({"relationship_type": "s"}, "ac"),
        ({"node_id": "a", "min_confidence": 0.3}, "ca ac"),
        ({"created_by": "otto"}, "ab"),
        ({"created_after": moments[1]}, "bc ca"),
        ({"created_before": moments[1]}, "ac ab"),
    )
    for params, pairs in wanted:
        items = (await api.get("/v1/edges", **params)).body["items"]
        assert " ".join(edge["from_node_id"] + edge["to_node_id"] for edge in items) == pairs, params


async def test_a_filter_that_leaves_little_is_followed_over_pages(api: Api, connection: Any) -> None:
    await api.propose(*(proposal(number, confidence=0.9 if number == 0 else 0.1) for number in range(1_000)))
    await connection.execute(
        "UPDATE suggestions SET created_at = created_at - interval '1 day' WHERE confidence > 0.5"
    )
    found: list[str] = []
    page: dict[str, str] = {}
    for _ in range(10):
        body = (await api.get("/v1/edges", include="suggested", min_confidence=0.5, **page)).body
        found += [edge["to_node_id"] for edge in body["items"]]
        if body["next_page"] is None:
            break
        page = {"page": body["next_page"]}
    assert found == ["CWE-1000"]
