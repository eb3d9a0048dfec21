"""What a scope lays down: settings, types that need two approvals, and types of which a node has one edge."""

import asyncio

import pytest
from tests.governance.api import Answer, Api, proposal
from tests.governance.conftest import EventLog, StartInstance

SETTINGS = "/v1/governance/settings"
TYPE = "/v1/relationship-types/relates_to"


async def declare(api: Api, **rules: object) -> Answer:
    return await api.call("PUT", TYPE, json=rules)


async def test_settings_hold_once_they_are_put(api: Api, reviewer: Api) -> None:
    before = (await reviewer.get(SETTINGS)).body
    assert (before["revision"], before["unknown_nodes"]) == (0, "accept")
    assert "wrong_direction" in {reason["code"] for reason in before["reason_codes"]}
    wanted = {
        "reason_codes": [{"code": "hearsay", "label": "Hearsay"}, {"code": "other"}],
        "unknown_nodes": "refuse",
        "pending_ttl_seconds": 86_400,
        "retention": {"rejected": 3_600},
    }
    put = await api.call("PUT", SETTINGS, json=wanted)
    assert put.status == 200, put
    now = (await reviewer.get(SETTINGS)).body
    assert now["reason_codes"][0] == {"code": "hearsay", "label": "Hearsay"}
    assert (now["revision"], now["changed_by"], now["pending_ttl_seconds"]) == (1, "worker", 86_400)
    assert now["retention"] == {"rejected": 3_600}
    suggestion = await api.suggest(from_node={"label": "x"}, to_node={"label": "y"})
    refused = await reviewer.reject(suggestion, "wrong_direction")
    assert (refused.status, refused.body["code"]) == (422, "unknown_reason_code")
    assert (await reviewer.reject(suggestion, "hearsay")).status == 200
    stale = await api.call("PUT", SETTINGS, json={"if_revision": 0})
    assert (stale.status, stale.body["code"], stale.body["current"]["revision"]) == (
        409,
        "stale_settings",
        1,
    )
    assert (await api.call("PUT", SETTINGS, json={"if_revision": 1})).body["revision"] == 2


async def test_who_may_change_rules_and_which_are_refused(api: Api, reviewer: Api) -> None:
    for method, path in (("PUT", SETTINGS), ("PUT", TYPE)):
        assert (await reviewer.call(method, path, json={})).status == 403
    assert (await reviewer.call("DELETE", TYPE)).status == 403
    wrong = {
        "/reason_codes": {"reason_codes": [{"code": "a"}, {"code": "a"}]},
        "/reason_codes/0/code": {"reason_codes": [{"code": "Not So"}]},
        "/pending_ttl_seconds": {"pending_ttl_seconds": 0},
        "/retention/pending/[key]": {"retention": {"pending": 5}},
    }
    for field, body in wrong.items():
        answer = await api.call("PUT", SETTINGS, json=body)
        assert (answer.status, answer.body["errors"][0]["field"]) == (422, field), answer
    assert (await declare(api, required_approvals=3)).status == 422
    assert (await api.get(TYPE)).status == 404
    assert (await api.call("DELETE", TYPE)).status == 404


async def test_declared_types_are_listed_read_and_forgotten(api: Api) -> None:
    for name in ("b", "a", "a/c"):
        path = f"/v1/relationship-types/{name.replace('/', '%2F')}"
        assert (await api.call("PUT", path, json={"is_functional": name == "a"})).status == 200, name
    first = (await api.get("/v1/relationship-types", limit=2)).body
    assert [one["name"] for one in first["items"]] == ["a", "a/c"]
    [last] = (await api.get("/v1/relationship-types", limit=2, page=first["next_page"])).body["items"]
    assert (last["name"], last["is_functional"], last["revision"]) == ("b", False, 1)
    assert (await api.call("DELETE", "/v1/relationship-types/b")).status == 204
    assert (await api.get("/v1/relationship-types/b")).body["code"] == "relationship_type_not_found"


async def test_two_distinct_reviewers_approve_where_the_type_needs_two(
    api: Api, reviewer: Api, log: EventLog
) -> None:
    assert (await declare(api, required_approvals=2)).status == 200
    rob = api.as_("rob", "reviewer")
    suggestion = await api.suggest()
    first = (await reviewer.approve(suggestion)).body
    assert (first["decision"]["verdict"], first["suggestion"]["status"]) == ("endorse", "pending")
    assert first["suggestion"]["endorsed_by"] == ["rita"]
    again = await reviewer.approve(first["suggestion"])
    assert (again.status, again.body["code"]) == (409, "already_endorsed")
    assert (await api.approve(first["suggestion"])).body["code"] == "own_proposal"
    undone = (await rob.undo(first["suggestion"])).body
    assert (undone["suggestion"]["endorsed_by"], undone["suggestion"]["revision"]) == ([], 3)
    second = (await rob.approve(undone["suggestion"])).body
    third = (await reviewer.approve(second["suggestion"])).body
    assert (third["decision"]["verdict"], third["suggestion"]["endorsed_by"]) == ("approve", ["rob"])
    assert await log.has(6)
    assert log.types(suggestion["id"])[1:] == [
        "edges.suggestion.endorsed",
        "edges.suggestion.reopened",
        "edges.suggestion.endorsed",
        "edges.suggestion.approved",
    ]


async def test_an_endorsement_by_who_proposed_evidence_later_does_not_count(api: Api, reviewer: Api) -> None:
    assert (await declare(api, required_approvals=2)).status == 200
    suggestion = await api.suggest()
    assert (await reviewer.approve(suggestion)).status == 200
    await api.as_("rita", "runner").propose(proposal(evidence={"n": "of the endorser"}))
    verdicts = []
    for name in ("rob", "ruth"):
        answer = await api.as_(name, "reviewer").approve(await api.suggestion(suggestion["id"]))
        verdicts.append(answer.body["decision"]["verdict"])
    assert verdicts == ["endorse", "approve"]


async def test_an_approval_supersedes_rivals_and_its_undo_brings_them_back(
    api: Api, reviewer: Api, log: EventLog
) -> None:
    await declare(api, is_functional=True)
    winner, *others = [await api.suggest(number) for number in range(3)]
    rivals = (await reviewer.get(f"/v1/suggestions/{winner['id']}/rivals", limit=1)).body
    assert (rivals["is_functional"], len(rivals["items"])) == (True, 1)
    more = await reviewer.get(f"/v1/suggestions/{winner['id']}/rivals", page=rivals["next_page"])
    assert [one["id"] for one in [*rivals["items"], *more.body["items"]]] == [one["id"] for one in others]
    approved = (await reviewer.approve(winner, rivals="supersede")).body
    assert {one["suggestion_id"] for one in approved["linked"]} == {one["id"] for one in others}
    superseded = await api.suggestion(others[0]["id"])
    assert (superseded["status"], superseded["reviewed_by"]) == ("superseded", "rita")
    assert superseded["decisions"][0]["linked_to"] == approved["decision"]["id"]
    [outcome] = await api.propose(proposal(1, source_model="llm"))
    assert outcome["outcome"] == "suppressed"
    alone = (await reviewer.undo(superseded)).body["suggestion"]
    refused = await reviewer.approve(alone)
    assert (refused.status, refused.body["code"]) == (409, "rival_exists")
    assert approved["suggestion"]["edge_id"] in refused.body["detail"]
    undone = (await reviewer.undo(approved["suggestion"])).body
    assert [one["suggestion_id"] for one in undone["linked"]] == [others[1]["id"]]
    assert (await reviewer.approve(alone)).status == 200
    assert await log.has(3 + 2 + 2 + 1 + 3 + 2)
    assert log.types(others[1]["id"])[1:] == ["edges.suggestion.expired", "edges.suggestion.reopened"]


async def test_of_two_rivals_approved_at_once_exactly_one_wins(
    api: Api, start_instance: StartInstance
) -> None:
    other = await start_instance()
    await declare(api, is_functional=True)
    reviewers = [api.as_("rita", "reviewer"), other.as_("rob", "reviewer")]
    pairs = [[await api.suggest(2 * n + side, from_node_id=f"n{n}") for side in (0, 1)] for n in range(8)]
    for pair in pairs:
        answers = await asyncio.gather(*(who.approve(one) for who, one in zip(reviewers, pair, strict=True)))
        assert sorted(answer.status for answer in answers) == [200, 409]
        [refused] = [answer for answer in answers if answer.status == 409]
        assert refused.body["code"] == "rival_exists"
    assert len((await api.get("/v1/edges", limit=50)).body["items"]) == len(pairs)


@pytest.mark.parametrize("verb", ["approve", "reject"])
async def test_a_verdict_on_content_that_has_changed_is_a_conflict(
    api: Api, reviewer: Api, verb: str
) -> None:
    suggestion = await api.suggest(to_node={"label": "seen"})
    node = (await reviewer.get("/v1/nodes/CWE-1001")).body
    shown = {"to_content_hash": node["content_hash"], "reason_code": "not_related"}
    await api.call("PUT", "/v1/nodes", json={"scope": "acme", "nodes": [{"id": "CWE-1001", "label": "new"}]})
    refused = await reviewer.decide(verb, suggestion, **shown)
    assert (refused.status, refused.body["code"]) == (409, "content_changed")
