"""Decisions as lines: out of one scope, into another."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from tests.governance.api import Answer, Api, Json, proposal
from tests.governance.policy_api import enable_policy, is_decided, put_policy

from wayside_governance.service import exporting

HEADERS = {"Content-Type": "application/x-ndjson"}
COPY = "copy"


async def export(api: Api, **query: Any) -> list[Json]:
    answer = await api.get("/v1/decisions", scope=api.scope, format="ndjson", **query)
    assert answer.status == 200, answer
    return [orjson.loads(line) for line in answer.body.splitlines()]


async def send(api: Api, *lines: Any) -> Answer:
    body = b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)
    return await api.call("POST", f"/v1/decisions/import?scope={api.scope}", data=body, headers=HEADERS)


async def take(api: Api, *lines: Any) -> list[Json]:
    answer = await send(api, *lines)
    assert answer.status == 200, answer
    return [orjson.loads(line) for line in answer.body.splitlines()]


async def outcomes(api: Api, *lines: Any) -> list[str]:
    return [answer["outcome"] for answer in await take(api, *lines)]


def line(number: int = 1, verdict: str = "approve", **fields: Any) -> Json:
    """A line as somebody may write it who has decisions of another system; different numbers are different claims."""
    return {
        "from_node_id": "CWE-79",
        "to_node_id": f"CWE-{1000 + number}",
        "relationship_type": "relates_to",
        "verdict": verdict,
        "reviewed_by": "rita",
        "reviewed_at": (datetime.now(UTC) - timedelta(days=number)).isoformat(),
        "sources_shown": {"tfidf": 0.7},
        **({"reason_code": "not_related"} if verdict == "reject" else {}),
        **fields,
    }


async def declare(api: Api, name: str, **rules: Any) -> None:
    body = {"is_functional": False, "required_approvals": 1, **rules}
    path = f"/v1/relationship-types/{name}?scope={api.scope}"
    assert (await api.call("PUT", path, json=body)).status in (200, 201)


async def edges_of(api: Api) -> set[tuple[Any, ...]]:
    names = ("from_node_id", "to_node_id", "relationship_type", "confidence", "strength", "created_by")
    items = (await api.get("/v1/edges", scope=api.scope, limit=200)).body["items"]
    return {tuple(edge.get(name) for name in names) for edge in items}


async def calibration_of(api: Api) -> Json:
    answer = await api.get("/v1/reports/calibration", scope=api.scope)
    assert answer.status == 200, answer
    return {
        name: said
        for name, said in answer.body.items()
        if name not in ("scope", "since", "until", "policies")
    }


async def fill(api: Api) -> None:
    """Decide in every way there is: alone, by two, with rivals, taken back, in bulk, and by a policy."""
    rita, olaf = api.as_("rita", "reviewer"), api.as_("olaf", "reviewer")
    await declare(api, "parent", is_functional=True)
    await declare(api, "alike", required_approvals=2)
    for number in range(6):
        await api.propose(
            proposal(number, confidence=0.4 + number / 10, strength=0.5, reasoning=f"word {number}")
        )
        await api.propose(proposal(number, source_model="llm", confidence=0.5))
        suggestion = await api.suggest(number)
        await (rita.approve(suggestion) if number % 2 else rita.reject(suggestion, note="no"))
    taken_back = await api.suggest(10)
    await rita.approve(taken_back)
    await olaf.undo(await api.suggestion(taken_back["id"]))
    await olaf.reject(await api.suggestion(taken_back["id"]))
    by_two = await api.suggest(20, relationship_type="alike")
    await rita.approve(by_two)
    await olaf.approve(await api.suggestion(by_two["id"]))
    rival = await api.suggest(30, relationship_type="parent")
    await rita.approve(await api.suggest(31, relationship_type="parent"), rivals="supersede")
    assert (await api.suggestion(rival["id"]))["status"] == "superseded"
    bulk = {
        "scope": api.scope,
        "action": "approve",
        "items": [{"suggestion_id": (await api.suggest(40))["id"]}],
    }
    assert (await rita.post("/v1/suggestions/bulk", bulk)).status == 200
    await enable_policy(api, await put_policy(api, relationship_types=["sure"]))
    assert await is_decided(api, await api.suggest(50, relationship_type="sure", confidence=0.9))


async def test_what_is_exported_and_imported_makes_the_same_edges_and_the_same_calibration(api: Api) -> None:
    await fill(api)
    copy = api.as_("anna", scope=COPY)
    for name, rules in (("parent", {"is_functional": True}), ("alike", {"required_approvals": 2})):
        await declare(copy, name, **rules)
    lines = await export(api)
    assert set(await outcomes(copy, *lines)) == {"decided"}
    assert len(await edges_of(api)) == 7
    assert await edges_of(copy) == await edges_of(api)
    assert await calibration_of(copy) == await calibration_of(api)
    assert (await calibration_of(copy))["reviewers"]

    again = await outcomes(copy, *lines)
    assert set(again) == {"repeated"}
    exported = await export(copy)
    local = ("after", "imported_at", "policy_id", "bulk_id", "evidence_shown")
    assert [{name: one[name] for name in one if name not in local} for one in exported] == [
        {name: one[name] for name in one if name not in local} for one in lines
    ]
    verified = await copy.get("/v1/audit/verify", scope=COPY)
    assert verified.body["is_intact"]


async def test_an_imported_decision_says_when_it_was_made_and_the_audit_who_imported_it(api: Api) -> None:
    given = line(1, note="seen in the lab", time_taken_seconds=3.5)
    answer, _ = await take(api.as_("anna"), given, line(2))
    assert (answer["outcome"], answer["status"]) == ("decided", "approved")
    suggestion = await api.suggestion(answer["suggestion_id"])
    [decision] = suggestion["decisions"]
    assert datetime.fromisoformat(decision["reviewed_at"]) == datetime.fromisoformat(given["reviewed_at"])
    assert (suggestion["proposed_by"], suggestion["confidence"]) == ("tfidf", 0.7)
    [entry] = (await api.get("/v1/audit", action="decisions.import")).body["items"]
    assert entry["actor"] == "anna"
    assert entry["details"] == {"created": 2, "lines": 2, "outcomes": {"decided": 2}}


async def test_a_line_that_is_not_valid_harms_no_other(api: Api) -> None:
    bad = [
        b"{",
        line(2, "reject", reason_code=None),
        line(3, reviewed_at="2999-01-01T00:00:00Z"),
        line(4, to_node_id="CWE-79"),
        line(5, sources_shown={}),
        line(6, note="\0"),
        line(7, confidence=0.5),
        line(8, "undo"),
    ]
    answers = await take(api, line(1), *bad, line(9))
    assert [answer["outcome"] for answer in answers] == ["decided", *["invalid"] * 8, "decided"]
    fields = [[error["field"] for error in answer["problem"].get("errors", [])] for answer in answers[1:-1]]
    assert fields == [
        [],
        ["/reason_code"],
        ["/reviewed_at"],
        ["/to_node_id"],
        ["/sources_shown"],
        ["/note"],
        ["/confidence"],
        ["/undoes"],
    ]


async def test_the_rules_of_the_scope_hold_for_what_was_decided_elsewhere(api: Api) -> None:
    await declare(api, "parent", is_functional=True)
    parent = {"relationship_type": "parent"}
    lines = [
        line(1, **parent),
        line(2, **parent),
        line(3, proposed_by="rita"),
        line(4, "reject", reason_code="odd"),
    ]
    answers = await take(api, *lines)
    codes = [answer.get("problem", {}).get("code") for answer in answers]
    assert codes == [None, "rival_exists", "own_proposal", "unknown_reason_code"]
    assert {answer["outcome"] for answer in answers[1:]} == {"refused"}
    assert {answer["status"] for answer in answers[1:]} == {"pending"}


async def test_a_claim_that_was_decided_here_is_left_alone_and_one_that_waits_is_decided(api: Api) -> None:
    olaf = api.as_("olaf", "reviewer")
    await olaf.reject(await api.suggest(1))
    waiting = await api.suggest(2)
    answers = await take(api, line(1), line(2, "reject"), line(3, "undo", undoes=line(3)))
    assert [answer["outcome"] for answer in answers] == ["left_alone", "decided", "left_alone"]
    assert answers[0]["status"] == "rejected"
    assert answers[1]["suggestion_id"] == waiting["id"]
    assert "suggestion_id" not in answers[2]


async def test_the_same_line_twice_is_said_to_be_repeated_even_once_it_was_taken_back_here(api: Api) -> None:
    same = line(1)
    first, second = await take(api, same, same)
    assert (first["outcome"], second["outcome"]) == ("decided", "repeated")
    await api.undo(await api.suggestion(first["suggestion_id"]))
    [third] = await take(api, same)
    assert (third["outcome"], third["status"]) == ("repeated", "pending")


async def test_an_endorsement_is_left_alone_where_one_approval_is_enough(api: Api) -> None:
    olaf = line(1, reviewed_by="olaf")
    answers = await take(api, line(1, "endorse"), olaf)
    assert [answer["outcome"] for answer in answers] == ["left_alone", "decided"]
    assert (await api.suggestion(answers[1]["suggestion_id"]))["reviewed_by"] == "olaf"


async def test_unknown_nodes_are_refused_where_the_scope_refuses_them(api: Api) -> None:
    body = {"unknown_nodes": "refuse"}
    assert (await api.call("PUT", f"/v1/governance/settings?scope={api.scope}", json=body)).status == 200
    [answer] = await take(api, line(1))
    assert answer["outcome"] == "invalid"
    assert [error["code"] for error in answer["problem"]["errors"]] == ["unknown_node"] * 2


async def test_an_export_is_filtered_and_goes_on_after_a_line(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "EXPORT_STEP", 2)
    await take(api, *(line(number, "reject" if number % 2 else "approve") for number in range(1, 8)))
    lines = await export(api)
    assert len(lines) == 7
    assert await export(api, after=lines[4]["after"]) == lines[5:]
    assert await export(api, verdict="approve") == [one for one in lines if one["verdict"] == "approve"]
    assert await export(api, reviewed_by="olaf") == []
    since = lines[3]["reviewed_at"]
    assert await export(api, since=since) == [one for one in lines if one["reviewed_at"] >= since]
    assert await export(api, before=since) == [one for one in lines if one["reviewed_at"] < since]


async def test_what_was_taken_back_is_not_in_force(api: Api) -> None:
    [answer] = await take(api, line(1))
    await api.undo(await api.suggestion(answer["suggestion_id"]))
    assert [one["in_force"] for one in await export(api)] == [False, False]
    assert await export(api, in_force="true") == []


async def test_only_admins_import_and_a_place_of_another_list_is_refused(api: Api) -> None:
    refused = await send(api.as_("rita", "reviewer", "runner"), line(1))
    assert (refused.status, refused.body["code"]) == (403, "forbidden")
    misplaced = await api.get("/v1/decisions", after="nowhere")
    assert (misplaced.status, misplaced.body["code"]) == (422, "invalid_page")
    as_json = await api.post("/v1/decisions/import", [line(1)])
    assert as_json.status == 415
