"""What is known of nodes."""

from typing import Any

from tests.governance.api import SCOPE, Answer, Api


async def put(api: Api, *nodes: dict[str, Any]) -> Answer:
    return await api.call("PUT", "/v1/nodes", json={"scope": SCOPE, "nodes": nodes})


async def test_a_node_is_replaced_and_what_is_left_out_is_forgotten(api: Api) -> None:
    await put(api, {"id": "a", "label": "A", "kind": "k", "content": "c"})
    assert (await put(api, {"id": "a", "label": "B"})).body == {"changed": 1, "unchanged": 0}
    node = (await api.get("/v1/nodes/a")).body
    assert (node["label"], node["kind"], node["content"]) == ("B", None, None)


async def test_putting_the_same_again_changes_nothing(api: Api) -> None:
    nodes = [{"id": "a", "label": "A"}, {"id": "b", "label": "B"}]
    assert (await put(api, *nodes)).body == {"changed": 2, "unchanged": 0}
    assert (await put(api, *nodes, {"id": "c"})).body == {"changed": 1, "unchanged": 2}


async def test_of_a_node_given_twice_the_last_counts(api: Api) -> None:
    await put(api, {"id": "a", "label": "first"}, {"id": "a", "label": "last"})
    assert (await api.get("/v1/nodes/a")).body["label"] == "last"


async def test_an_unknown_node_is_not_found(api: Api) -> None:
    answer = await api.get("/v1/nodes/nowhere")
    assert (answer.status, answer.body["code"]) == (404, "node_not_found")
