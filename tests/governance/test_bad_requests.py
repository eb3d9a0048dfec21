"""Bad input: each a problem document with a stable code and the field at fault."""

from typing import Any

import orjson
from tests.governance.api import SCOPE, Answer, Api, proposal
from yarl import URL

from wayside_events.contracts.governance import EVIDENCE_LIMIT_BYTES

NIL = "00000000-0000-0000-0000-000000000000"
DECIDE = f"/v1/suggestions/{NIL}/approve"
PROPOSE = "/v1/suggestions"

BODIES: list[tuple[str, str, Any, int, str, str | None]] = [
    (PROPOSE, "no object", 5, 422, "invalid_input", "/"),
    (PROPOSE, "a scope that cannot be", {"scope": "A.b", "proposals": [1]}, 422, "invalid_input", "/scope"),
    (PROPOSE, "a scope of the wrong type", {"scope": 1, "proposals": [1]}, 422, "invalid_input", "/scope"),
    (PROPOSE, "no list", {"scope": SCOPE, "proposals": {}}, 422, "invalid_input", "/proposals"),
    (PROPOSE, "an empty list", {"scope": SCOPE, "proposals": []}, 422, "invalid_input", "/proposals"),
    (PROPOSE, "too many", {"scope": SCOPE, "proposals": [1] * 1_001}, 422, "invalid_input", "/proposals"),
    (PROPOSE, "more", {"scope": SCOPE, "proposals": [1], "x": 1}, 422, "invalid_input", "/x"),
    (
        PROPOSE,
        "a loop",
        {"scope": SCOPE, **proposal(to_node_id="CWE-79")},
        422,
        "invalid_input",
        "/to_node_id",
    ),
    (DECIDE, "no revision", {}, 422, "invalid_input", "/revision"),
    (DECIDE, "a revision of nothing", {"revision": 0}, 422, "invalid_input", "/revision"),
    (DECIDE, "a revision in words", {"revision": "one"}, 422, "invalid_input", "/revision"),
    (DECIDE, "an unknown field", {"revision": 1, "why": ""}, 422, "invalid_input", "/why"),
    (DECIDE, "NUL in the note", {"revision": 1, "note": "a\0b"}, 422, "invalid_input", "/note"),
    (DECIDE, "a note too long", {"revision": 1, "note": "x" * 4_001}, 422, "invalid_input", "/note"),
    (DECIDE, "an odd reason", {"revision": 1, "reason_code": "No!"}, 422, "invalid_input", "/reason_code"),
    (
        DECIDE,
        "time backwards",
        {"revision": 1, "time_taken_seconds": -1},
        422,
        "invalid_input",
        "/time_taken_seconds",
    ),
    (DECIDE, "nothing there", {"revision": 1}, 404, "suggestion_not_found", None),
    ("/v1/suggestions/7/approve", "no UUID", {"revision": 1}, 422, "invalid_input", "{suggestion_id}"),
]


ADDRESSES: list[tuple[str, str]] = [
    ("/v1/suggestions?limit=0", "?limit"),
    ("/v1/suggestions?limit=201", "?limit"),
    ("/v1/suggestions?limit=many", "?limit"),
    ("/v1/suggestions?order=best", "?order"),
    ("/v1/suggestions?status=perhaps", "?status"),
    ("/v1/suggestions?min_confidence=2", "?min_confidence"),
    ("/v1/suggestions?min_confidence=nan", "?min_confidence"),
    ("/v1/suggestions?colour=red", "?colour"),
    ("/v1/suggestions?node_id=%00", "?node_id"),
    ("/v1/suggestions?node_id=a&node_id=b", "?node_id"),
    ("/v1/suggestions?scope=A.b", "?scope"),
    ("/v1/suggestions?page=nonsense", "?page"),
    ("/v1/suggestions?page=WyJuZXdlc3QiLDIsIngiXQ", "?page"),
    (
        "/v1/suggestions?page=WyJuZXdlc3QiLCJ4IiwiMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwIl0",
        "?page",
    ),
    ("/v1/suggestions/7", "{suggestion_id}"),
    ("/v1/edges?include=everything", "?include"),
    ("/v1/edges?page=", "?page"),
    ("/v1/graph/neighborhood/a?depth=0", "?depth"),
    ("/v1/graph/neighborhood/a?depth=5", "?depth"),
    ("/v1/graph/neighborhood/a?limit=1001", "?limit"),
    ("/v1/graph/neighborhood/%00", "{node}"),
    ("/v1/graph/neighborhood/" + "x" * 257, "{node}"),
]

NOT_JSON = [b"", b"{", b'{"a": NaN}', b'{"a": 1e999}', b"\xff\xfe", b'"\\ud800"', b"[" * 5_000]


def said(answer: Answer) -> tuple[int, str, str | None]:
    """Status, code and first field of a problem document."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    errors = answer.body.get("errors") or [{"field": None}]
    return answer.status, answer.body["code"], errors[0]["field"]


async def test_a_bad_body_is_a_problem_that_names_the_field(api: Api) -> None:
    found = {f"{path}: {name}": said(await api.post(path, body)) for path, name, body, *_ in BODIES}
    assert found == {f"{path}: {name}": tuple(wanted) for path, name, _, *wanted in BODIES}


async def test_a_bad_address_is_a_problem_that_names_the_parameter(api: Api) -> None:
    found = {path: said(await api.call("GET", URL(path, encoded=True))) for path, _ in ADDRESSES}
    codes = {field: "invalid_page" if field == "?page" else "invalid_input" for _, field in ADDRESSES}
    assert found == {path: (422, codes[field], field) for path, field in ADDRESSES}


async def test_a_body_and_a_query_that_name_different_scopes_are_refused(api: Api) -> None:
    everywhere = api.as_("root", "admin", scope="*")
    answer = await everywhere.post(f"{PROPOSE}?scope=globex", {"scope": SCOPE, **proposal()})
    assert said(answer) == (422, "invalid_input", "/scope")


async def test_what_is_not_json_is_said_to_be_so(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    answers = [await api.call("POST", PROPOSE, data=raw, headers=headers) for raw in NOT_JSON]
    assert {(answer.status, answer.body["code"]) for answer in answers} == {(400, "malformed_json")}


async def test_a_line_that_is_nested_too_deeply_is_refused_alone(api: Api) -> None:
    lines = [b'{"evidence":' * 900 + b"1" + b"}" * 900, b"[" * 5_000, orjson.dumps(proposal())]
    headers = {"Content-Type": "application/x-ndjson"}
    answer = await api.call("POST", PROPOSE, data=b"\n".join(lines), headers=headers)
    outcomes = [orjson.loads(line)["outcome"] for line in answer.body.splitlines()]
    assert outcomes == ["invalid", "invalid", "created"]


async def test_another_content_type_is_refused(api: Api) -> None:
    answer = await api.call("POST", PROPOSE, data=b"a,b", headers={"Content-Type": "text/csv"})
    assert said(answer) == (415, "unsupported_media_type", None)


async def test_without_a_token_nothing_is_answered(api: Api) -> None:
    async with api.client.get("/v1/suggestions") as response:
        assert response.status == 401
    async with api.client.post(PROPOSE, json={"scope": SCOPE, **proposal()}) as response:
        assert response.status == 401


async def test_evidence_over_the_limit_is_too_large(api: Api) -> None:
    body = {"scope": SCOPE, **proposal(evidence={"a": "x" * EVIDENCE_LIMIT_BYTES})}
    answer = await api.post(PROPOSE, body)
    assert (answer.status, answer.body["code"]) == (413, "too_large")
    assert [error["field"] for error in answer.body["errors"]] == ["/evidence"]


async def test_lines_that_cannot_be_unpacked_are_the_callers_fault(api: Api) -> None:
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    answer = await api.call("POST", PROPOSE, data=b"no gzip", headers=headers)
    assert (answer.status, answer.body["code"]) == (400, "bad_request")
