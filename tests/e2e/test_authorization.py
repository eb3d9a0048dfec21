"""Who may do what, through the gateway: tokens that are none, scopes of others, roles that do not suffice."""

import base64
import time
from typing import Any

import jwt
import pytest
from tests.e2e.cluster import Cluster
from tests.e2e.raw import Sender

pytestmark = pytest.mark.timeout(120)

UNKNOWN = "0198f000-0000-7000-8000-000000000000"
ROUTES = ["/v1/jobs", "/v1/suggestions", "/v1/events", f"/v1/jobs/{UNKNOWN}/events"]


def claims(**changes: Any) -> dict[str, Any]:
    standard = {"sub": "ada", "iss": "wayside", "aud": "wayside", "exp": int(time.time()) + 600}
    return {**standard, "wayside": {"mine": ["admin"]}, **changes}


def header(json: bytes) -> str:
    """A token with this header, whatever it is, and no sensible rest."""
    return base64.urlsafe_b64encode(json).decode().rstrip("=") + ".e30.c2lnbmF0dXJl"


BAD_CLAIMS: list[tuple[str, dict[str, Any], str]] = [
    ("expired", {"exp": 1}, "token_expired"),
    ("another audience", {"aud": "elsewhere"}, "invalid_token"),
    ("another issuer", {"iss": "elsewhere"}, "invalid_token"),
    ("not valid yet", {"nbf": 2**40}, "invalid_token"),
    ("valid beyond all time", {"exp": 2**62}, "invalid_token"),
    ("no grants", {"wayside": None}, "invalid_token"),
    ("grants that are a list", {"wayside": ["mine"]}, "invalid_token"),
    ("a role that is no list", {"wayside": {"mine": "admin"}}, "invalid_token"),
    ("a scope that cannot be", {"wayside": {"mine.>": ["admin"]}}, "invalid_token"),
]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    ("changes", "code"), [case[1:] for case in BAD_CLAIMS], ids=[c[0] for c in BAD_CLAIMS]
)
async def test_bad_claims_are_refused(shared: Cluster, path: str, changes: dict[str, Any], code: str) -> None:
    token = jwt.encode(claims(**changes), shared.credentials.jwt_secret, algorithm="HS256")
    answer = await Sender(shared.gateway[0].url, token).get(path)
    assert answer.refusal == (401, code, None)
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


BAD_TOKENS: list[tuple[str, str]] = [
    ("empty", ""),
    ("malformed", "abc"),
    ("dots", "a.b.c"),
    ("signed by somebody else", jwt.encode(claims(), "x" * 40, algorithm="HS256")),
    ("not signed", jwt.encode(claims(), "", algorithm="none")),
    ("another algorithm", jwt.encode(claims(), "x" * 64, algorithm="HS512")),
    ("an algorithm that is a list", header(b'{"alg": ["HS256"]}')),
    ("a header that is a list", header(b"[]")),
    ("a header of many levels", header(b'{"alg": "HS256", "a": ' + b"[" * 2_500 + b"]" * 2_500 + b"}")),
    ("a header with a huge number", header(b'{"alg": "HS256", "a": ' + b"9" * 5_000 + b"}")),
    ("a header with a lone surrogate", header(b'{"alg": "\\ud800"}')),
    ("no ASCII", "\xff.\xfe.\xff"),
]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("token", [case[1] for case in BAD_TOKENS], ids=[case[0] for case in BAD_TOKENS])
async def test_a_bad_token_is_refused(shared: Cluster, path: str, token: str) -> None:
    answer = await Sender(shared.gateway[0].url, token).get(path)
    assert answer.refusal == (401, "invalid_token", None)


@pytest.mark.parametrize("path", ROUTES)
async def test_no_token_is_a_challenge(shared: Cluster, path: str) -> None:
    answer = await Sender(shared.gateway[0].url, None).get(path)
    assert answer.refusal == (401, "unauthorized", None)
    assert answer.headers["www-authenticate"] == 'Bearer realm="wayside"'


async def test_a_token_in_the_address_or_dropped_on_the_way_counts_for_nothing(shared: Cluster) -> None:
    nobody = Sender(shared.gateway[0].url, None)
    assert (await nobody.get("/v1/jobs?token=" + shared.token())).status == 401
    somebody = Sender(shared.gateway[0].url, shared.token())
    assert (await somebody.get("/v1/jobs", Connection="Authorization")).status == 401


def sender(shared: Cluster, *roles: str, scope: str = "mine", subject: str = "ada") -> Sender:
    return Sender(shared.gateway[0].url, shared.token(*roles, scope=scope, subject=subject))


async def made(shared: Cluster) -> tuple[str, str]:
    """The ids of a job and a suggestion in the scope `mine`."""
    body = b'{"name": "owned"}'
    await sender(shared, scope="*").request(
        "PUT", "/v1/job-types/owned", body, **{"Content-Type": "application/json"}
    )
    mine = sender(shared)
    job = (await mine.post("/v1/jobs", {"type": "owned", "scope": "mine"})).json["id"]
    claim = {"from_node_id": "a", "to_node_id": "b", "relationship_type": "r", "confidence": 0.5}
    taken = await mine.post("/v1/suggestions", {"scope": "mine", "source_model": "m", **claim})
    return job, taken.json["outcomes"][0]["suggestion_id"]


async def test_what_belongs_to_another_scope_is_as_if_it_did_not_exist(shared: Cluster) -> None:
    job, suggestion = await made(shared)
    stranger = sender(shared, scope="theirs")
    for mine in (
        f"/v1/jobs/{job}",
        f"/v1/jobs/{job}/events",
        f"/v1/jobs/{job}/logs",
        f"/v1/suggestions/{suggestion}",
    ):
        own_id = mine.split("/")[3]
        theirs, unknown = await stranger.get(mine), await stranger.get(mine.replace(own_id, UNKNOWN))
        assert theirs.status == 404
        assert _without_ids(theirs.problem, own_id) == _without_ids(unknown.problem, UNKNOWN)


async def test_what_belongs_to_another_scope_cannot_be_changed(shared: Cluster) -> None:
    job, suggestion = await made(shared)
    stranger = sender(shared, scope="theirs", subject="eve")
    assert (await stranger.post(f"/v1/jobs/{job}/cancel", {})).status == 404
    for verb in ("approve", "reject"):
        body = {"revision": 1, "reason_code": "other"}
        assert (await stranger.post(f"/v1/suggestions/{suggestion}/{verb}", body)).status == 404
    assert (await sender(shared).get(f"/v1/jobs/{job}")).json["status"] == "queued"
    assert (await sender(shared).get(f"/v1/suggestions/{suggestion}")).json["status"] == "pending"


def _without_ids(document: dict[str, Any], own_id: str) -> dict[str, Any]:
    return {**document, "instance": None, "detail": document["detail"].replace(own_id, "")}


async def test_a_viewer_changes_nothing(shared: Cluster) -> None:
    job, suggestion = await made(shared)
    viewer = sender(shared, "viewer")
    answers = [
        await viewer.post("/v1/jobs", {"type": "owned", "scope": "mine"}),
        await viewer.post(f"/v1/jobs/{job}/cancel", {}),
        await viewer.post("/v1/suggestions", {"scope": "mine", "proposals": [{}]}),
        await viewer.post(f"/v1/suggestions/{suggestion}/approve", {"revision": 1}),
        await viewer.request("PUT", "/v1/job-types/owned", b"{}", **{"Content-Type": "application/json"}),
    ]
    assert [answer.refusal[0] for answer in answers] == [403] * len(answers)
    assert (await viewer.get(f"/v1/jobs/{job}")).json["status"] == "queued"


async def test_who_proposed_does_not_approve(shared: Cluster) -> None:
    _, suggestion = await made(shared)
    answer = await sender(shared).post(f"/v1/suggestions/{suggestion}/approve", {"revision": 1})
    assert answer.refusal[:2] == (403, "own_proposal")
    assert (await sender(shared).get("/v1/edges")).json["items"] == []


async def test_a_decision_on_what_nobody_saw_is_a_conflict(shared: Cluster) -> None:
    _, suggestion = await made(shared)
    reviewer = sender(shared, "reviewer", subject="rosa")
    answer = await reviewer.post(f"/v1/suggestions/{suggestion}/approve", {"revision": 2**70})
    assert answer.refusal[:2] == (409, "stale_revision")
    assert answer.problem["current"]["revision"] == 1


async def test_who_has_all_scopes_has_to_name_one(shared: Cluster) -> None:
    root = sender(shared, scope="*")
    answers = [await root.get(path) for path in ("/v1/jobs", "/v1/suggestions", "/v1/edges", "/v1/events")]
    assert {answer.refusal for answer in answers} == {(422, "invalid_input", "?scope")}
