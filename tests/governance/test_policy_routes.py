"""Policies over HTTP: versions, states, rights, simulation and explanation."""

import orjson
from tests.governance.api import Api, proposal
from tests.governance.conftest import Connection
from tests.governance.policy_api import document, enable_policy, is_decided, put_policy

from wayside_events.contracts.governance import PolicyDocument
from wayside_events.identifiers import EntityId
from wayside_governance.domain.policies import Subject, is_held_out
from wayside_governance.routes.keys import POLICIES


async def test_each_put_is_a_version_that_stays_as_it_was(api: Api) -> None:
    first = await put_policy(api, min_confidence=0.9)
    assert (first["version"], first["state"], first["revision"]) == (1, "disabled", 1)
    second = await put_policy(api, min_confidence=0.7)
    assert (second["id"], second["version"]) == (first["id"], 2)
    path = f"/v1/policies/{first['id']}"
    page = (await api.get(f"{path}/versions", limit=1)).body
    assert [(one["name"], one["document"]["min_confidence"]) for one in page["items"]] == [("sure:2", 0.7)]
    page = (await api.get(f"{path}/versions", page=page["next_page"])).body
    assert [(one["name"], one["document"]["min_confidence"]) for one in page["items"]] == [("sure:1", 0.9)]
    assert page["next_page"] is None
    assert (await api.get(f"{path}/versions/1")).body == page["items"][0]
    assert (await api.get(f"{path}/versions/3")).body["code"] == "policy_not_found"
    assert (await api.get(f"{path}/versions", page="x")).body["code"] == "invalid_page"


async def test_a_version_that_was_not_seen_is_not_replaced(api: Api) -> None:
    body = {"scope": "acme", "name": "sure", "document": document(), "if_version": 0}
    assert (await api.call("PUT", "/v1/policies", json=body)).status == 201
    refused = await api.call("PUT", "/v1/policies", json=body)
    assert (refused.status, refused.body["code"]) == (409, "stale_version")
    assert (await api.call("PUT", "/v1/policies", json=body | {"if_version": 1})).body["version"] == 2


async def test_a_document_that_contradicts_itself_is_refused_by_field(api: Api) -> None:
    wrong = document(min_confidence=0.9, max_confidence=0.5, reason_code="indirect")
    for answer in (
        await api.call("PUT", "/v1/policies", json={"scope": "acme", "name": "sure", "document": wrong}),
        await api.post("/v1/policies/simulate", {"scope": "acme", "document": wrong}),
    ):
        assert (answer.status, answer.body["code"]) == (422, "invalid_policy")
        fields = [error["field"] for error in answer.body["errors"]]
        assert fields == ["/document/min_confidence", "/document/reason_code"]
    unknown = document(action="reject", reason_code="unheard_of")
    answer = await api.call("PUT", "/v1/policies", json={"scope": "acme", "name": "no", "document": unknown})
    assert [(error["field"], error["code"]) for error in answer.body["errors"]] == [
        ("/document/reason_code", "unknown_reason_code")
    ]
    assert (await api.get("/v1/policies", scope="acme")).body["items"] == []


async def test_policies_are_listed_by_name_until_they_are_deleted_and_come_back_with_their_versions(
    api: Api,
) -> None:
    for name in ("b", "a", "c"):
        await put_policy(api, name)
    page = (await api.get("/v1/policies", limit=2)).body
    assert [one["name"] for one in page["items"]] == ["a", "b"]
    assert [one["name"] for one in (await api.get("/v1/policies", page=page["next_page"])).body["items"]] == [
        "c"
    ]
    path = f"/v1/policies/{page['items'][0]['id']}"
    assert (await api.call("DELETE", path)).status == 204
    assert (await api.get(path)).status == (await api.call("DELETE", path)).status == 404
    assert (await api.get(f"{path}/versions/1")).status == 200
    again = await put_policy(api, "a")
    assert (again["id"], again["version"], again["state"]) == (page["items"][0]["id"], 2, "disabled")


async def test_who_is_no_admin_changes_nothing_and_another_scope_sees_nothing(api: Api) -> None:
    policy = await put_policy(api)
    path = f"/v1/policies/{policy['id']}"
    viewer = api.as_("vic", "viewer")
    assert (await viewer.get(path)).body["name"] == "sure"
    body = {"scope": "acme", "name": "sure", "document": document()}
    assert (await viewer.call("PUT", "/v1/policies", json=body)).status == 403
    assert (await viewer.post(f"{path}/enable", {})).status == 403
    assert (await viewer.post(f"{path}/simulate", {})).status == 403
    assert (await viewer.call("DELETE", path)).status == 403
    stranger = api.as_("sue", "admin", scope="globex")
    for answer in (
        await stranger.get(path),
        await stranger.get(f"{path}/versions"),
        await stranger.get(f"{path}/versions/1"),
        await stranger.post(f"{path}/enable", {}),
        await stranger.post(f"{path}/disable", {}),
        await stranger.post(f"{path}/simulate", {}),
        await stranger.call("DELETE", path),
    ):
        assert (answer.status, answer.body["code"]) == (404, "policy_not_found")


async def test_every_change_of_a_policy_is_in_the_audit(api: Api, connection: Connection) -> None:
    policy = await enable_policy(api, await put_policy(api), reason="Measured.")
    await api.post(f"/v1/policies/{policy['id']}/disable", {})
    await api.call("DELETE", f"/v1/policies/{policy['id']}")
    rows = await connection.fetch("SELECT * FROM audit WHERE subject = $1 ORDER BY position", policy["id"])
    assert [(row["actor"], row["action"]) for row in rows] == [
        ("worker", f"policy.{verb}") for verb in ("put", "enable", "disable", "delete")
    ]
    entry = orjson.loads(rows[1]["entry"])
    assert entry["details"] == {"name": "sure", "version": 1, "revision": 2, "reason": "Measured."}


async def test_a_disabled_policy_decides_nothing_any_more(api: Api) -> None:
    policy = await enable_policy(api, await put_policy(api))
    assert await is_decided(api, await api.suggest(1, confidence=0.9))
    stopped = (await api.post(f"/v1/policies/{policy['id']}/disable", {})).body
    assert (stopped["state"], stopped["revision"]) == ("disabled", policy["revision"] + 1)
    again = (await api.post(f"/v1/policies/{policy['id']}/disable", {})).body
    assert again["revision"] == stopped["revision"]
    await enable_policy(api, await put_policy(api, "other", min_confidence=0.95))
    left = await api.suggest(2, confidence=0.9)
    assert await is_decided(api, await api.suggest(3, confidence=0.99))
    assert (await api.suggestion(left["id"]))["status"] == "pending"
    enable = f"/v1/policies/{policy['id']}/enable"
    for is_replay in (None, "true"):
        answer = await api.call("POST", enable, json={}, headers={"Idempotency-Key": "once"})
        assert (answer.body["state"], answer.headers.get("Idempotent-Replayed")) == ("enabled", is_replay)
        await api.post(f"/v1/policies/{policy['id']}/disable", {})
    assert (await api.get(f"/v1/policies/{policy['id']}")).body["state"] == "disabled"


async def test_a_simulation_says_what_would_have_been_right_and_wrong(api: Api, reviewer: Api) -> None:
    verdicts = [(0.9, True), (0.95, True), (0.85, False), (0.6, True), (0.5, False), (0.9, True)]
    for number, (confidence, accepted) in enumerate(verdicts):
        suggestion = await api.suggest(number, confidence=confidence)
        decide = reviewer.approve if accepted else reviewer.reject
        assert (await decide(suggestion)).status == 200
    undone = await api.suggest(50, confidence=0.99)
    await reviewer.reject(undone)
    await reviewer.undo(await api.suggestion(undone["id"]))
    await api.propose(*(proposal(100 + number, confidence=0.9) for number in range(3)))
    policy = await put_policy(api)
    found = (await api.post(f"/v1/policies/{policy['id']}/simulate", {})).body
    assert found["confusion"] == {
        "true_positive": 3,
        "false_positive": 1,
        "false_negative": 1,
        "true_negative": 1,
    }
    assert (found["judged"], found["precision"]["share"], found["recall"]["share"]) == (6, 0.75, 0.75)
    assert found["precision"]["low"] < 0.75 < found["precision"]["high"]
    assert [one["reasons"] for one in found["wrong"]] == [["confidence 0.85 ≥ 0.80"]]
    assert (found["pending"], found["would_act"], found["truncated"]) == (4, 3, False)
    stricter = document(min_confidence=0.9)
    other = await api.post(f"/v1/policies/{policy['id']}/simulate", {"document": stricter, "limit": 5})
    assert (other.body["confusion"]["false_positive"], other.body["truncated"]) == (0, True)
    drafted = await api.post("/v1/policies/simulate", {"scope": "acme", "document": stricter})
    assert drafted.body["precision"]["share"] == 1
    learning = document(min_confidence=0, hold_out=0.1, measured={"min_precision": 0.1, "min_decisions": 3})
    drafted = await api.post("/v1/policies/simulate", {"scope": "acme", "document": learning})
    assert drafted.body["confusion"]["true_positive"] == 2
    assert await api.suggestion(undone["id"])


async def test_it_is_explained_why_each_policy_fires_or_not(api: Api) -> None:
    for name, minimum in (("loose", 0.5), ("strict", 0.8)):
        await put_policy(api, name, min_confidence=minimum)
    suggestion = await api.suggest(1, confidence=0.71)
    assert api.client.app is not None
    explained = await api.client.app[POLICIES].explain(suggestion["id"])
    assert [(one.name, one.outcome, one.reasons, one.state) for one in explained] == [
        ("loose", "fired", ("confidence 0.71 ≥ 0.50",), "disabled"),
        ("strict", "not_fired", ("confidence 0.71 < 0.80",), "disabled"),
    ]


async def test_the_report_counts_what_people_judged_one_by_one(api: Api, reviewer: Api) -> None:
    sam = api.as_("sam", "reviewer")
    for number, (model, confidence, accepted) in enumerate(
        [("a", 0.9, True), ("a", 0.95, True), ("a", 0.2, False), ("b", 0.9, False)]
    ):
        suggestion = await api.suggest(number, confidence=confidence, source_model=model)
        decide = reviewer.approve if accepted else reviewer.reject
        assert (await decide(suggestion)).status == 200
    undone = await api.suggest(9, confidence=0.9)
    await reviewer.approve(undone)
    await sam.undo(await api.suggestion(undone["id"]))
    held = await held_out_by_a_policy(api)
    report = (await api.get("/v1/reports/calibration")).body
    groups = {group.get("source_model"): group for group in report["groups"]}
    assert {name: (one["accepted"]["count"], one["accepted"]["total"]) for name, one in groups.items()} == {
        None: (2, 4),
        "a": (2, 3),
        "b": (0, 1),
    }
    assert [(one["low_confidence"], one["accepted"]["total"]) for one in groups["a"]["bins"]] == [
        (0.2, 1),
        (0.9, 2),
    ]
    assert groups["b"]["expected_calibration_error"] == 0.9
    assert 0.2 < groups["a"]["boundary"] < 0.95
    assert [one["accepted"]["total"] for one in report["over_time"]] == [4]
    assert {one["reviewer"]: one["agreed"]["total"] for one in report["reviewers"]} == {"rita": 1, "sam": 1}
    assert (await reviewer.reject(await api.suggestion(held))).status == 200
    of_b = (await api.get("/v1/reports/calibration", source_model="b", period="day", bins=2)).body
    assert [(one["source_model"], len(one["bins"])) for one in of_b["groups"]] == [("b", 1)]
    assert [(one["policy"], one["agreed"]["count"], one["undone"]) for one in of_b["policies"]] == [
        ("sure:1", 0, 0)
    ]
    wrong = await api.get(
        "/v1/reports/calibration", since="2026-01-02T00:00:00Z", until="2026-01-01T00:00:00Z"
    )
    assert [error["field"] for error in wrong.body["errors"]] == ["?since"]


async def held_out_by_a_policy(api: Api) -> EntityId:
    """Let a policy decide about half of some suggestions, and return one of the others."""
    policy = await enable_policy(api, await put_policy(api, min_confidence=0.98, hold_out=0.5))
    outcomes = await api.propose(*(proposal(200 + number, confidence=0.99) for number in range(20)))
    subject = Subject(policy["id"], "sure", 1, PolicyDocument.model_validate(policy["document"]))
    by_share = {is_held_out(one["suggestion_id"], subject): one["suggestion_id"] for one in outcomes}
    assert await is_decided(api, {"id": by_share[False]})
    return EntityId(by_share[True])
