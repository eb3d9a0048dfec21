"""What a careless or hostile client sends over NATS: each gets an error reply, and what is good goes through."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from tests.e2e.cluster import Cluster
from tests.e2e.raw import Sender

from wayside_events.contracts.jobs import ClaimReply

pytestmark = pytest.mark.timeout(120)

SCOPE = "hostile"
JOBS = "wayside.jobs.v1."
PROPOSE = "wayside.governance.v1.propose"
VERBS = [JOBS + verb for verb in ("register", "claim", "withdraw", "report", "create", "get", "cancel")] + [
    PROPOSE
]
LIMIT = 256 * 1024
UNKNOWN = "0198f000-0000-7000-8000-000000000000"


@dataclass
class Runner:
    """A runner without the SDK, that may send any bytes."""

    client: Client
    seq: int = 0

    async def ask(self, subject: str, body: Any) -> tuple[str | None, Any]:
        """Return the code of the error, if it is one, and the answer."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = await self.client.request(subject, payload, timeout=10)
        document = json.loads(reply.data)
        code = (reply.headers or {}).get("Nats-Service-Error")
        if code is not None:
            assert document["code"] == code
            assert (reply.headers or {})["Nats-Service-Error-Code"] == str(document["status"])
            assert b"Traceback" not in reply.data
        return code, document

    async def start(self) -> dict[str, Any]:
        """Create a job that runs here; return what its reports have to say."""
        job = {"type": "tracked", "scope": SCOPE, "mode": "tracked", "runner": "raw"}
        code, answer = await self.ask(JOBS + "create", {"job": job, "created_by": "raw"})
        assert code is None, answer
        assignment = answer["assignment"]
        return {
            "job_id": answer["job"]["id"],
            "attempt": assignment["attempt"],
            "token": assignment["token"],
        }

    def report(self, attempt: dict[str, Any], /, **fields: Any) -> dict[str, Any]:
        self.seq += 1
        return {**attempt, "seq": self.seq, "kind": "heartbeat", **fields}


@pytest.fixture
async def runner(shared: Cluster) -> AsyncIterator[Runner]:
    client = await nats.connect(
        shared.nats.url,
        user="runner",
        password=shared.credentials.nats_passwords["runner"],
        inbox_prefix="_INBOX_runner",
    )
    types = [{"name": name} for name in ("tracked", "deep")]
    assert (await Runner(client).ask(JOBS + "register", {"runner": "raw", "job_types": types}))[0] is None
    yield Runner(client)
    await client.close()


@pytest.fixture
def sender(shared: Cluster) -> Sender:
    return Sender(shared.gateway[0].url, shared.token(scope=SCOPE))


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "malformed_json"),
        (b"\xff\0\xfe", "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b'{"a": "\\ud800"}', "malformed_json"),
        (b"[]", "invalid_input"),
        (b"null", "invalid_input"),
        (b'{"colour": "red"}', "invalid_input"),
    ],
    ids=["empty", "binary", "deep", "surrogate", "list", "null", "unknown field"],
)
async def test_a_malformed_request_gets_an_error_reply(
    runner: Runner, verb: str, payload: bytes, code: str
) -> None:
    assert (await runner.ask(verb, payload))[0] == code


def job(**fields: Any) -> dict[str, Any]:
    return {"job": {"type": "tracked", "scope": SCOPE, **fields}, "created_by": "raw"}


REQUESTS: list[tuple[str, str, Any, str]] = [
    ("an unknown type", "create", job(type="other"), "unknown_job_type"),
    ("input over the limit", "create", job(input="x" * LIMIT), "too_large"),
    ("NaN as input", "create", job(input=float("nan")), "invalid_input"),
    ("NaN as a time limit", "create", job(timeout_seconds=float("nan")), "invalid_input"),
    ("an integer over 64 bits", "create", job(input=2**70), "invalid_input"),
    ("NUL", "create", job(input="\0"), "invalid_input"),
    ("NUL in a trace", "create", {**job(), "traceparent": "\0"}, "invalid_input"),
    ("a time before all time", "create", job(run_at="0001-01-01T00:00:00+14:00"), "invalid_input"),
    ("a subject as a runner", "register", {"runner": "a.>"}, "invalid_input"),
    (
        "a lease of NaN",
        "register",
        {"runner": "a", "job_types": [{"name": "x", "lease_seconds": float("nan")}]},
        "invalid_input",
    ),
    (
        "slots without end",
        "claim",
        {"runner": "a", "queues": ["x"], "job_types": ["x"], "slots": 2**70},
        "invalid_input",
    ),
    ("a job of another scope", "get", {"scope": SCOPE, "job_id": UNKNOWN}, "not_found"),
    ("an id that is none", "get", {"scope": SCOPE, "job_id": "../x"}, "invalid_input"),
    ("no reports", "report", {"runner": "raw", "reports": []}, "invalid_input"),
    ("1,001 reports", "report", {"runner": "raw", "reports": [1] * 1_001}, "invalid_input"),
]


@pytest.mark.parametrize(
    ("verb", "body", "code"), [case[1:] for case in REQUESTS], ids=[case[0] for case in REQUESTS]
)
async def test_a_bad_request_is_refused(runner: Runner, verb: str, body: Any, code: str) -> None:
    assert (await runner.ask(JOBS + verb, body))[0] == code


def log(time: Any = "2026-01-01T00:00:00Z", message: str = "x", **fields: Any) -> dict[str, Any]:
    return {"kind": "log", "entries": [{"time": time, "message": message, **fields}]}


REPORTS: list[tuple[str, dict[str, Any], str]] = [
    ("seq 0", {"seq": 0}, "invalid"),
    ("seq 2^70", {"seq": 2**70}, "invalid"),
    ("a foreign token", {"token": "foreign"}, "fenced"),
    ("attempt 2^70", {"attempt": 2**70}, "fenced"),
    ("a job nobody knows", {"job_id": UNKNOWN}, "fenced"),
    ("an id that is none", {"job_id": "x"}, "invalid"),
    ("a kind that is none", {"kind": "nonsense"}, "invalid"),
    ("a kind that is an object", {"kind": {}}, "invalid"),
    ("an unknown field", {"colour": "red"}, "invalid"),
    ("percent 1e308", {"kind": "progress", "progress": {"percent": 1e308}}, "invalid"),
    ("percent NaN", {"kind": "progress", "progress": {"percent": float("nan")}}, "invalid"),
    ("current NaN", {"kind": "progress", "progress": {"current": float("nan")}}, "invalid"),
    ("NUL", {"kind": "progress", "progress": {"message": "\0"}}, "invalid"),
    (
        "a partial result too deep",
        {"kind": "progress", "progress": {}, "partial": json.loads("[" * 150 + "]" * 150)},
        "invalid",
    ),
    ("a log line before all time", log("0001-01-01T00:00:00+14:00"), "invalid"),
    ("a log line after all time", log("9999-12-31T23:59:59-14:00"), "invalid"),
    ("a log line at no time", log(float("nan")), "invalid"),
    ("a context of infinity", log(context={"a": float("inf")}), "invalid"),
    ("a result over the limit", {"kind": "complete", "result": "x" * LIMIT}, "invalid"),
    ("a result of NaN", {"kind": "complete", "result": float("nan")}, "invalid"),
    ("metrics that are a list", {"kind": "complete", "metrics": []}, "invalid"),
    ("a cancel nobody asked for", {"kind": "acknowledge_cancel"}, "invalid"),
]


@pytest.mark.parametrize(
    ("fields", "outcome"), [case[1:] for case in REPORTS], ids=[case[0] for case in REPORTS]
)
async def test_a_bad_report_blocks_no_other_of_its_batch(
    runner: Runner, sender: Sender, fields: dict[str, Any], outcome: str
) -> None:
    attempt = await runner.start()
    reports = [
        runner.report(attempt, **fields),
        runner.report(attempt, **log()),
    ]
    code, answer = await runner.ask(JOBS + "report", {"runner": "raw", "reports": reports})
    assert code is None
    assert [one["outcome"] for one in answer["outcomes"]] == [outcome, "accepted"]
    after = (await sender.get(f"/v1/jobs/{attempt['job_id']}")).json
    assert (after["status"], after["progress"], after["revision"]) == ("running", {}, 2)


@pytest.mark.parametrize("report", [5, None, [], {}, "x"])
async def test_what_is_no_report_blocks_no_other(runner: Runner, report: Any) -> None:
    attempt = await runner.start()
    body = {"runner": "raw", "reports": [report, runner.report(attempt)]}
    _, answer = await runner.ask(JOBS + "report", body)
    assert [one["outcome"] for one in answer["outcomes"]] == ["invalid", "accepted"]


async def test_a_bad_proposal_blocks_no_other_of_its_batch(runner: Runner, sender: Sender) -> None:
    good = {
        "from_node_id": "a",
        "to_node_id": "b",
        "relationship_type": "r",
        "confidence": 0.5,
        "source_model": "m",
    }
    changes: list[dict[str, Any]] = [
        {"confidence": float("nan")},
        {"strength": float("inf")},
        {"evidence": {"a": float("nan")}},
        {"evidence": {"a": 2**70}},
        {"evidence": {"a": json.loads("[" * 150 + "]" * 150)}},
        {"evidence": {"a": "x" * LIMIT}},
        {"from_node_id": "\0"},
        {"to_node_id": "a"},
    ]
    bad: list[Any] = [5, None, [], {}, *({**good, **change} for change in changes)]
    body = {"scope": SCOPE, "proposed_by": "raw", "proposals": [*bad, good]}
    _, answer = await runner.ask(PROPOSE, body)
    assert [one["outcome"] for one in answer["outcomes"]] == ["invalid"] * len(bad) + ["created"]
    assert len((await sender.get("/v1/suggestions")).json["items"]) == 1


async def test_what_is_as_deep_as_allowed_reaches_its_runner(runner: Runner, sender: Sender) -> None:
    deepest = json.loads("[" * 100 + "]" * 100)
    created = await sender.post("/v1/jobs", {"type": "deep", "scope": SCOPE, "input": deepest})
    assert created.status == 201
    body = {"runner": "raw", "queues": ["default"], "job_types": ["deep"], "slots": 1, "wait_ms": 5_000}
    _, answer = await runner.ask(JOBS + "claim", body)
    [assignment] = ClaimReply.model_validate_json(json.dumps(answer)).assignments
    assert assignment.job.input == deepest
