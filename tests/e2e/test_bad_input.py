"""What a careless or hostile client sends: each a problem document, and nothing is half-written."""

import asyncio
import base64
import json
from typing import Any

import pytest
from tests.e2e.cluster import Cluster
from tests.e2e.raw import Answer, Sender

pytestmark = pytest.mark.timeout(120)

SCOPE = "careless"
UNKNOWN = "0198f000-0000-7000-8000-000000000000"
LIMIT = 256 * 1024
DEEP = 100_000


def job(**fields: Any) -> dict[str, Any]:
    return {"type": "demo", "scope": SCOPE, **fields}


def job_with(literal: str) -> bytes:
    """A job whose input is this, JSON or not."""
    return b'{"type": "demo", "scope": "careless", "input": %b}' % literal.encode("utf-8", "surrogateescape")


def claim(**fields: Any) -> dict[str, Any]:
    return {
        "scope": SCOPE,
        "from_node_id": "a",
        "to_node_id": "b",
        "relationship_type": "next",
        "confidence": 0.5,
        "source_model": "m",
        **fields,
    }


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.fixture
async def sender(shared: Cluster) -> Sender:
    """An admin of one scope; the job type `demo` is there."""
    root = Sender(shared.gateway[0].url, shared.token(scope="*"))
    body = json.dumps({"name": "demo", "input_schema": {"not": {"const": "unwanted"}}}).encode()
    answer = await root.request("PUT", "/v1/job-types/demo", body, **{"Content-Type": "application/json"})
    assert answer.status == 200
    return Sender(shared.gateway[0].url, shared.token(scope=SCOPE))


JOBS: list[tuple[str, Any, int, str, str | None]] = [
    ("an unknown type", job(type="other"), 422, "unknown_job_type", "/type"),
    ("a scope not allowed", job(scope="other"), 403, "scope_forbidden", "/scope"),
    ("a scope that cannot be", job(scope="A.B"), 422, "invalid_input", "/scope"),
    ("malformed JSON", b'{"type":', 400, "malformed_json", None),
    ("nothing", b"", 400, "malformed_json", None),
    ("a list", [], 422, "invalid_input", "/"),
    ("a wrong type", job(priority="high"), 422, "invalid_input", "/priority"),
    ("a huge number", job(priority=2**70), 422, "invalid_input", "/priority"),
    ("an unknown field", job(colour="red"), 422, "invalid_input", "/colour"),
    ("input over the limit", job(input="x" * LIMIT), 413, "too_large", "/input"),
    ("a body over the limit", job(input="x" * 5 * LIMIT), 413, "body_too_large", None),
    ("input the schema refuses", job(input="unwanted"), 422, "invalid_input", "/input"),
    ("100,000 levels", job_with(nested(DEEP)), 400, "malformed_json", None),
    ("250 levels", job_with(nested(250)), 400, "malformed_json", None),
    ("levels readers cannot parse", job_with(nested(101)), 422, "invalid_input", "/input"),
    (
        "NUL below 1,000 levels",
        job_with("[" * 1_000 + '"\\u0000"' + "]" * 1_000),
        400,
        "malformed_json",
        None,
    ),
    ("an integer of 5,000 digits", job_with("9" * 5_000), 400, "malformed_json", None),
    ("an integer over 64 bits", job_with(str(2**64)), 422, "invalid_input", "/input"),
    ("NaN", job_with("NaN"), 400, "malformed_json", None),
    ("Infinity", job_with("-Infinity"), 400, "malformed_json", None),
    ("infinity as a number", job_with("1e999"), 400, "malformed_json", None),
    ("a number out of range", job(timeout_seconds=1e308), 422, "invalid_input", "/timeout_seconds"),
    ("NUL", job(input={"a": ["\0"]}), 422, "invalid_input", "/input/a/0"),
    ("NUL in a key", job(input={"a\0": 1}), 422, "invalid_input", "/input"),
    ("a lone surrogate", job_with('"\\ud800"'), 400, "malformed_json", None),
    ("invalid UTF-8", job_with('"\udcff"'), 400, "malformed_json", None),
    (
        "a scope twice",
        b'{"scope": "careless", "type": "demo", "scope": "other"}',
        403,
        "scope_forbidden",
        "/scope",
    ),
    ("a parent nobody knows", job(parent_id=UNKNOWN), 422, "unknown_parent", "/parent_id"),
    ("a parent that is a path", job(parent_id="../x"), 422, "invalid_input", "/parent_id"),
    ("a time before all time", job(run_at="0001-01-01T00:00:00+14:00"), 422, "invalid_input", "/run_at"),
    ("a time after all time", job(run_at="9999-12-31T23:59:59-14:00"), 422, "invalid_input", "/run_at"),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"), [case[1:] for case in JOBS], ids=[c[0] for c in JOBS]
)
async def test_a_bad_job_is_refused(
    sender: Sender, body: Any, status: int, code: str, field: str | None
) -> None:
    assert (await sender.post("/v1/jobs", body)).refusal == (status, code, field)


CLAIMS: list[tuple[str, Any, int, str, str | None]] = [
    ("a scope not allowed", claim(scope="other"), 403, "scope_forbidden", "/scope"),
    ("malformed JSON", b"{", 400, "malformed_json", None),
    ("a list", [], 422, "invalid_input", "/"),
    ("an unknown field", claim(colour="red"), 422, "invalid_input", "/colour"),
    ("a number in quotes", claim(confidence="0.5"), 422, "invalid_input", "/confidence"),
    ("a node id of 1 MB", claim(from_node_id="a" * 1_000_000), 422, "invalid_input", "/from_node_id"),
    ("NUL", claim(from_node_id="a\0"), 422, "invalid_input", "/from_node_id"),
    ("evidence over the limit", claim(evidence={"a": "x" * LIMIT}), 413, "too_large", "/evidence"),
    ("evidence too deep", claim(evidence={"a": json.loads(nested(100))}), 422, "invalid_input", "/evidence"),
    ("no proposals", {"scope": SCOPE, "proposals": []}, 422, "invalid_input", "/proposals"),
    ("1,001 proposals", {"scope": SCOPE, "proposals": [1] * 1_001}, 422, "invalid_input", "/proposals"),
    ("100,000 levels", nested(DEEP).encode(), 400, "malformed_json", None),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"), [case[1:] for case in CLAIMS], ids=[c[0] for c in CLAIMS]
)
async def test_a_bad_proposal_is_refused(
    sender: Sender, body: Any, status: int, code: str, field: str | None
) -> None:
    assert (await sender.post("/v1/suggestions", body)).refusal == (status, code, field)


async def test_nothing_of_all_that_was_written(sender: Sender) -> None:
    cursor = (await sender.get("/v1/jobs")).headers["wayside-cursor"]
    kinds = ("jobs", "suggestions", "edges")
    before = [(await sender.get(f"/v1/{kind}?limit=200")).json for kind in kinds]
    for _, body, *_ in JOBS:
        await sender.post("/v1/jobs", body)
    for _, body, *_ in CLAIMS:
        await sender.post("/v1/suggestions", body)
    assert [(await sender.get(f"/v1/{kind}?limit=200")).json for kind in kinds] == before
    page = await sender.get(f"/v1/events?cursor={cursor}", Accept="application/json")
    assert page.json["events"] == []


async def test_a_bad_proposal_blocks_no_other_of_its_batch(sender: Sender) -> None:
    good = {name: value for name, value in claim(from_node_id="survivor").items() if name != "scope"}
    bad = [5, None, {}, {**good, "from_node_id": "a" * 1_000_000}]
    bad += [{**good, "evidence": {"a": json.loads(nested(levels))}} for levels in (100, 253, 254, 300, 900)]
    answer = await sender.post("/v1/suggestions", {"scope": SCOPE, "proposals": [*bad, good]})
    assert [outcome["outcome"] for outcome in answer.json["outcomes"]] == ["invalid"] * len(bad) + ["created"]


HEADERS: list[tuple[str, dict[str, str], int, str, str | None]] = [
    ("another content type", {"Content-Type": "text/plain"}, 415, "unsupported_media_type", None),
    ("no content type", {"Content-Type": ""}, 415, "unsupported_media_type", None),
    ("a body that is no gzip", {"Content-Encoding": "gzip"}, 400, "bad_request", None),
    ("a key of 5 KB", {"Idempotency-Key": "k" * 5_000}, 422, "invalid_input", "Idempotency-Key"),
    ("an empty key", {"Idempotency-Key": ""}, 422, "invalid_input", "Idempotency-Key"),
    ("a key of 10 KB", {"Idempotency-Key": "k" * 10_240}, 431, "head_too_large", None),
    ("NUL in a header", {"Idempotency-Key": "a\0b"}, 400, "malformed_request", None),
    ("5,000 headers", {f"X-{number}": "1" for number in range(5_000)}, 400, "malformed_request", None),
    ("two lengths", {"Transfer-Encoding": "chunked"}, 400, "malformed_request", None),
]


@pytest.mark.parametrize(
    ("headers", "status", "code", "field"), [c[1:] for c in HEADERS], ids=[c[0] for c in HEADERS]
)
async def test_bad_headers_are_refused(
    sender: Sender, headers: dict[str, str], status: int, code: str, field: str | None
) -> None:
    assert (await sender.post("/v1/jobs", job(), **headers)).refusal == (status, code, field)


@pytest.mark.parametrize(
    "data",
    [b"\0\1\2\r\n\r\n", b"FOO / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\0\0\r\n\r\n"],
)
async def test_what_is_no_request_is_refused(sender: Sender, data: bytes) -> None:
    assert (await sender.exchange(data)).refusal == (400, "malformed_request", None)


async def test_a_body_that_never_ends_is_cut_off(sender: Sender) -> None:
    address = sender.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(address[0], int(address[1]))
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    writer.write(sender.head("POST", "/v1/jobs", **headers))
    received = asyncio.create_task(reader.readuntil(b"}"))
    chunk = b"10000\r\n%b\r\n" % (b" " * 65_536)
    for _ in range(1_000):
        if received.done():
            break
        writer.write(chunk)
        await writer.drain()
    answer = Answer.of(await asyncio.wait_for(received, 10))
    assert answer.refusal == (413, "body_too_large", None)
    writer.transport.abort()


def token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


QUERIES: list[tuple[str, str, int, str]] = [
    *(
        (f"/v1/jobs?limit={limit}", "?limit", 422, "invalid_input")
        for limit in ("0", "-1", "1000000000", "1e9", "%00")
    ),
    ("/v1/jobs?limit=1&limit=2", "?limit", 422, "invalid_input"),
    ("/v1/jobs?colour=red", "?colour", 422, "invalid_input"),
    ("/v1/jobs?%00=1", "?\0", 422, "invalid_input"),
    ("/v1/jobs?&&==&", "?", 422, "invalid_input"),
    ("/v1/jobs?scope=other", "?scope", 403, "scope_forbidden"),
    ("/v1/jobs?scope=*", "?scope", 422, "invalid_input"),
    ("/v1/jobs?scope=" + "a" * 7_000, "?scope", 422, "invalid_input"),
    ("/v1/jobs?created_after=0001-01-01T00:00:00%2B14:00", "?created_after", 422, "invalid_input"),
    ("/v1/jobs?page=x", "?page", 422, "invalid_page"),
    ("/v1/jobs?page=%ff", "?page", 422, "invalid_page"),
    ("/v1/jobs?page=" + token(f'["newest",0.5,"{UNKNOWN}"]'), "?page", 422, "invalid_page"),
    ("/v1/jobs?page=" + "a" * 501, "?page", 422, "invalid_page"),
    ("/v1/job-types?page=A+b", "?page", 422, "invalid_page"),
    (f"/v1/jobs/{UNKNOWN}/logs?page=-1", "?page", 422, "invalid_page"),
    ("/v1/suggestions?page=" + token(f"2026-01-01T00:00:00+00:00 {UNKNOWN}"), "?page", 422, "invalid_page"),
    (
        "/v1/suggestions?order=oldest&page=" + token(f'["newest",0.5,"{UNKNOWN}"]'),
        "?page",
        422,
        "invalid_page",
    ),
    ("/v1/suggestions?page=" + token('["newest",1,["x"]]'), "?page", 422, "invalid_page"),
    ("/v1/suggestions?min_confidence=nan", "?min_confidence", 422, "invalid_input"),
    ("/v1/suggestions?node_id=" + "a" * 1_000, "?node_id", 422, "invalid_input"),
    ("/v1/graph/neighborhood/a?depth=99", "?depth", 422, "invalid_input"),
    ("/v1/edges?include=all", "?include", 422, "invalid_input"),
    ("/v1/events?types=analysis.%3E", "?types", 422, "invalid_input"),
    ("/v1/events?job=*", "?job", 422, "invalid_input"),
    ("/v1/events?scope=other", "?scope", 403, "scope_forbidden"),
]


@pytest.mark.parametrize(("path", "field", "status", "code"), QUERIES, ids=[case[0][:60] for case in QUERIES])
async def test_a_bad_query_is_refused(sender: Sender, path: str, field: str, status: int, code: str) -> None:
    assert (await sender.get(path)).refusal == (status, code, field)


PATHS: list[tuple[str, int, str]] = [
    ("/v1/jobs/7", 422, "invalid_input"),
    ("/v1/jobs/7/events", 422, "invalid_input"),
    ("/v1/jobs/%00", 422, "invalid_input"),
    ("/v1/jobs/%00/events", 422, "invalid_input"),
    ("/v1/jobs/a%2Fb", 422, "invalid_input"),
    ("/v1/jobs/%ff", 422, "invalid_input"),
    ("/v1/suggestions/%00", 422, "invalid_input"),
    ("/v1/nodes/%00", 422, "invalid_input"),
    ("/v1/graph/neighborhood/" + "a" * 257, 422, "invalid_input"),
    ("/v1/jobs/../suggestions", 404, "route_not_found"),
    ("/v1/jobs/%2e%2e/suggestions", 404, "route_not_found"),
    ("/v1/jobs/%2e%2e%2f%2e%2e%2fhealthz", 404, "route_not_found"),
    ("//elsewhere/v1/jobs", 404, "route_not_found"),
    (f"/v1/jobs/{UNKNOWN}", 404, "not_found"),
    (f"/v1/jobs/{UNKNOWN}/events", 404, "not_found"),
    (f"/v1/jobs/{UNKNOWN}/logs", 404, "not_found"),
    (f"/v1/suggestions/{UNKNOWN}", 404, "suggestion_not_found"),
    ("/v1/nothing", 404, "route_not_found"),
    ("/v1/jobs/\xff", 400, "malformed_request"),
    ("/" + "a" * 10_000, 431, "head_too_large"),
]


@pytest.mark.parametrize(("path", "status", "code"), PATHS, ids=[case[0][:40] for case in PATHS])
async def test_a_bad_path_is_refused(sender: Sender, path: str, status: int, code: str) -> None:
    assert (await sender.get(path)).refusal[:2] == (status, code)


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/suggestions", "/v1/events", "/healthz"])
async def test_other_methods_are_refused(sender: Sender, path: str) -> None:
    answers = [await sender.request(method, path) for method in ("OPTIONS", "TRACE", "PATCH", "DELETE")]
    assert {answer.refusal for answer in answers} == {(405, "method_not_allowed", None)}
    assert (await sender.request("HEAD", path)).body == b""


@pytest.mark.parametrize("text", ["x", "-1", "0-", "9" * 30, "1-99999999999999999999", "\xff", "a" * 5_000])
async def test_a_bad_cursor_is_refused(sender: Sender, text: str) -> None:
    expected = (400, "invalid_cursor", "Last-Event-ID")
    assert (await sender.get("/v1/events", **{"Last-Event-ID": text})).refusal == expected


@pytest.mark.parametrize("sequence", [1_000_000, 2**63 - 1, 2**63, 10**19 - 1])
async def test_a_cursor_of_the_future_resets(sender: Sender, sequence: int) -> None:
    epoch = (await sender.get("/v1/jobs")).headers["wayside-cursor"].partition("-")[0]
    page = (await sender.get(f"/v1/events?cursor={epoch}-{sequence}", Accept="application/json")).json
    assert (page["events"], page["reset"]) == ([], "expired")
