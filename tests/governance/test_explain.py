"""What a reviewer is told before deciding."""

from typing import Any

from tests.governance.api import SCOPE, Api, Json, proposal
from tests.governance.test_review_sessions import claim


async def explained(api: Api, suggestion_id: str) -> Json:
    answer = await api.get(f"/v1/suggestions/{suggestion_id}/explain")
    assert answer.status == 200, answer
    body: Json = answer.body
    return body


async def suggest(api: Api, one: str, other: str, name: str = "r", **fields: Any) -> Json:
    return await api.suggest(from_node_id=one, to_node_id=other, relationship_type=name, **fields)


async def test_similar_claims_are_told_with_what_was_decided_of_them(api: Api, reviewer: Api) -> None:
    await reviewer.approve(await suggest(api, "a", "b", "other"))
    await reviewer.reject(await suggest(api, "b", "a"), reason_code="wrong_direction")
    await reviewer.approve(await suggest(api, "a", "c"))
    await reviewer.reject(await suggest(api, "d", "b"))
    await suggest(api, "a", "undecided")
    body = await explained(reviewer, (await suggest(api, "a", "b"))["id"])
    same_nodes, same_from, same_to = (body[f"same_{part}"] for part in ("nodes", "from", "to"))
    assert [one["status"] for one in same_nodes["items"]] == ["rejected", "approved"]
    assert same_nodes["items"][0]["reason_code"] == "wrong_direction"
    assert (same_nodes["approved"], same_nodes["rejected"]) == (1, 1)
    assert [one["to_node_id"] for one in same_from["items"]] == ["c"]
    assert [one["from_node_id"] for one in same_to["items"]] == ["d"]


async def test_both_nodes_are_told_with_their_edges(api: Api, reviewer: Api) -> None:
    await api.propose(proposal(from_node_id="a", to_node_id="b", from_node={"content": "all of it"}))
    for number in range(3):
        await reviewer.approve(await suggest(api, "a", f"n{number}"))
    body = await explained(reviewer, (await suggest(api, "a", "b"))["id"])
    assert body["from_node"]["details"]["content"] == "all of it"
    assert body["from_node"]["degree"] == 3
    assert [edge["to_node_id"] for edge in body["from_node"]["edges"]] == ["n2", "n1", "n0"]
    assert (body["to_node"]["degree"], body["to_node"]["edges"]) == (0, [])


async def test_rivals_policies_the_boundary_and_who_has_the_card_are_told(
    api: Api, reviewer: Api, connection: Any
) -> None:
    rules = {"is_functional": True, "required_approvals": 1}
    put = await api.call("PUT", f"/v1/relationship-types/r?scope={SCOPE}", json=rules)
    assert put.status in (200, 201), put
    document = {"action": "approve", "min_confidence": 0.8}
    policy = {"scope": SCOPE, "name": "sure", "document": document}
    assert (await api.call("PUT", "/v1/policies", json=policy)).status in (200, 201)
    await connection.execute(
        "INSERT INTO judgements SELECT gen_random_uuid(), '', 'acme', 'r', n / 100.0, n > 70, now(), 1 "
        "FROM generate_series(1, 100) AS n"
    )
    rival = await suggest(api, "a", "c")
    suggestion = await suggest(api, "a", "b")
    await claim(reviewer, 1)
    body = await explained(api, suggestion["id"])
    assert [one["id"] for one in body["rivals"]] == [rival["id"]]
    assert (body["policies"][0]["name"], body["policies"][0]["outcome"]) == ("sure", "not_fired")
    assert 0.6 < body["boundary"] < 0.8
    assert body["held_by"]["reviewer"] == "rita"
    assert body["suggestion"]["all_evidence"][0]["source_model"] == "tfidf"


async def test_what_another_scope_suggests_is_not_explained(api: Api) -> None:
    suggestion = await api.suggest()
    answer = await api.as_("eve", scope="globex").get(f"/v1/suggestions/{suggestion['id']}/explain")
    assert (answer.status, answer.body["code"]) == (404, "suggestion_not_found")
