"""Requests over a server that follows a script: retries, errors, pages."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.sdk.test_streams import ACME, JOB, NOW
from typer.testing import CliRunner, Result

from wayside import (
    Client,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ProblemError,
    ServiceFailed,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    WaysideError,
)
from wayside.cli.app import new_app
from wayside.client.pages import UnexpectedAnswer
from wayside_events.contracts.governance import Suggestion
from wayside_events.contracts.jobs import BatchItem, Job
from wayside_events.edges import SuggestionStatus
from wayside_events.jobs import JobMode, JobStatus, Progress

A_JOB = Job(
    id=JOB,
    scope=ACME,
    type="report",
    status=JobStatus.QUEUED,
    revision=1,
    mode=JobMode.QUEUED,
    queue="default",
    priority=5,
    attempt=0,
    max_attempts=3,
    progress=Progress(),
    created_by="ada",
    created_at=NOW,
    updated_at=NOW,
).model_dump(mode="json")


A_SUGGESTION = Suggestion(
    id=JOB,
    scope=ACME,
    from_node_id="a",
    to_node_id="b",
    relationship_type="share",
    status=SuggestionStatus.PENDING,
    revision=3,
    confidence=0.5,
    evidence_count=1,
    source_model="m",
    proposed_by="worker",
    created_at=NOW,
    updated_at=NOW,
)


REFUSED = {"type": "about:blank", "title": "Title", "status": 422, "code": "invalid_input", "detail": "No."}


def problem(status: int, code: str = "code", **headers: str) -> web.Response:
    body = {"title": "Title", "status": status, "code": code, "detail": "Detail."}
    return web.json_response(body, status=status, headers=headers)


@dataclass
class Script:
    answers: list[Callable[[], web.Response]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        text = await request.text()
        self.requests.append((request.method, request.path_qs, dict(request.headers), text))
        return self.answers.pop(0)()


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def client(script: Script) -> AsyncIterator[Client]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", script.answer)
    async with (
        TestServer(application) as server,
        Client(str(server.make_url("")), token="t", retry_seconds=3) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidRequest),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, InvalidRequest),
        (422, InvalidRequest),
        (500, ServiceFailed),
    ],
)
async def test_a_refusal_is_raised_as_its_class_with_the_problem_in_it(
    client: Client, script: Script, status: int, error: type[ProblemError]
) -> None:
    script.answers = [lambda: problem(status)]
    with pytest.raises(error) as raised:
        await client.jobs.get(JOB)
    assert (raised.value.problem.status, raised.value.problem.code) == (status, "code")


async def test_an_error_that_is_no_problem_document_is_one_all_the_same(
    client: Client, script: Script
) -> None:
    script.answers = [lambda: web.Response(status=404, text="<html>")]
    with pytest.raises(NotFound) as raised:
        await client.jobs.get(JOB)
    assert raised.value.problem.code == "http_error"


async def test_a_request_is_repeated_with_the_same_key_while_the_service_is_not_ready(
    client: Client, script: Script
) -> None:
    script.answers = [
        lambda: problem(503, **{"Retry-After": "0"}),
        lambda: problem(429),
        lambda: web.json_response(A_JOB, status=201),
    ]
    job = await client.jobs.create("report", scope="acme", input={"rows": 1})
    keys = {headers["Idempotency-Key"] for _, _, headers, _ in script.requests}
    assert (job.id, len(script.requests), len(keys)) == (JOB, 3, 1)


async def test_a_batch_is_created_once_with_an_outcome_for_each_job(client: Client, script: Script) -> None:
    outcomes = [{"index": 0, "job_id": JOB, "created": True}, {"index": 1, "problem": REFUSED}]
    script.answers = [lambda: problem(503), lambda: web.json_response({"outcomes": outcomes})]
    wanted = [BatchItem(type="report", scope=ACME, input=n) for n in range(2)]
    made, refused = await client.jobs.create_many(wanted)
    keys = {headers["Idempotency-Key"] for _, _, headers, _ in script.requests}
    assert (made.job_id, made.created, len(keys)) == (JOB, True, 1)
    assert refused.problem is not None


async def test_a_batch_is_sent_again_while_some_of_it_cannot_be_created_for_the_moment(
    client: Client, script: Script
) -> None:
    made = {"index": 0, "job_id": JOB, "created": True}
    not_now = {"index": 1, "problem": {**REFUSED, "status": 503}}
    script.answers = [
        lambda: web.json_response({"outcomes": [made, not_now]}),
        lambda: web.json_response({"outcomes": [{**made, "replayed": True}, {**made, "index": 1}]}),
    ]
    outcomes = await client.jobs.create_many(
        [BatchItem(type="report", scope=ACME, input=n) for n in range(2)]
    )
    keys = {headers["Idempotency-Key"] for _, _, headers, _ in script.requests}
    assert ([outcome.job_id for outcome in outcomes], len(script.requests), len(keys)) == ([JOB, JOB], 2, 1)


async def test_a_decision_that_is_sent_again_has_the_same_key(client: Client, script: Script) -> None:
    script.answers = [lambda: problem(503), lambda: problem(409)]
    with pytest.raises(Conflict):
        await client.suggestions.approve(A_SUGGESTION)
    keys = {headers["Idempotency-Key"] for _, _, headers, _ in script.requests}
    assert (len(script.requests), len(keys)) == (2, 1)


async def test_patience_has_an_end(client: Client, script: Script) -> None:
    script.answers = [lambda: problem(429, **{"Retry-After": "60"})]
    with pytest.raises(TooManyRequests) as raised:
        await client.jobs.get(JOB)
    assert raised.value.retry_after_seconds == 60


async def test_a_gateway_that_cannot_be_reached_is_unavailable() -> None:
    async with Client("http://127.0.0.1:9", retry_seconds=0) as client:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await client.jobs.get(JOB)


async def test_a_list_reads_page_after_page(client: Client, script: Script) -> None:
    pages = [{"items": [A_JOB, A_JOB], "next_page": "p2"}, {"items": [A_JOB], "next_page": None}]
    script.answers = [lambda: web.json_response(pages[0]), lambda: web.json_response(pages[1])]
    found = [job async for job in client.jobs.list(scope="acme", status=["queued", "running"], limit=2)]
    assert len(found) == 3
    assert [path for _, path, _, _ in script.requests] == [
        "/v1/jobs?scope=acme&status=queued&status=running&limit=2",
        "/v1/jobs?scope=acme&status=queued&status=running&limit=2&page=p2",
    ]


async def test_a_page_knows_the_cursor_to_stream_on_from(client: Client, script: Script) -> None:
    script.answers = [lambda: web.json_response({"items": []}, headers={"Wayside-Cursor": "e-7"})]
    page = await client.jobs.page(scope="acme")
    assert (page.items, page.next_page, page.cursor) == ((), None, "e-7")


async def test_an_answer_of_another_shape_is_said_to_be_unexpected(client: Client, script: Script) -> None:
    script.answers = [lambda: web.json_response({"id": 3})]
    with pytest.raises(UnexpectedAnswer):
        await client.jobs.get(JOB)


async def test_a_token_may_be_fetched_for_every_request(client: Client, script: Script) -> None:
    tokens = iter(["one", "two"])

    async def fetch() -> str:
        return next(tokens)

    script.answers = [lambda: web.json_response(A_JOB)] * 2
    async with Client(client._transport.url, token=fetch) as other:
        await other.jobs.get(JOB)
        await other.jobs.get(JOB)
    sent = [headers["Authorization"] for _, _, headers, _ in script.requests]
    assert sent == ["Bearer one", "Bearer two"]


def test_a_client_without_an_address_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYSIDE_URL", raising=False)
    with pytest.raises(WaysideError, match="WAYSIDE_URL"):
        Client()


async def test_a_cancel_that_was_repeated_does_not_call_its_own_success_a_conflict(
    client: Client, script: Script
) -> None:
    canceled = A_JOB | {"status": "canceled"}
    script.answers = [lambda: problem(502), lambda: problem(409), lambda: web.json_response(canceled)]
    assert (await client.jobs.cancel(JOB)).status is JobStatus.CANCELED
    completed = A_JOB | {"status": "completed"}
    script.answers = [lambda: problem(502), lambda: problem(409), lambda: web.json_response(completed)]
    with pytest.raises(Conflict):
        await client.jobs.cancel(JOB)


async def test_a_cancel_of_what_was_canceled_before_is_a_conflict(client: Client, script: Script) -> None:
    script.answers = [lambda: problem(409)]
    with pytest.raises(Conflict):
        await client.jobs.cancel(JOB)


@pytest.mark.parametrize(
    "url", ["", "localhost:8080", "ftp://host", "http://", "http://host?x=1", "http://a b"]
)
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(WaysideError, match="not the address of a gateway"):
        Client(url)


async def test_an_id_leads_to_no_other_path(client: Client, script: Script) -> None:
    script.answers = [lambda: problem(404)]
    with pytest.raises(NotFound):
        await client.jobs.get("../x?y")
    assert script.requests[0][1] == "/v1/jobs/..%2Fx%3Fy"


async def command(script: Script, *arguments: str) -> Result:
    """Run the command in a thread, against a server that follows the script."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", script.answer)
    async with TestServer(application) as server:
        target = ("--url", str(server.make_url("")), "--token", "t")
        return await asyncio.to_thread(CliRunner().invoke, new_app(), [*arguments, *target])


async def test_the_log_command_says_how_much_of_the_log_is_gone(script: Script) -> None:
    entry = {"seq": 8, "time": NOW.isoformat(), "level": "error", "message": "no rows"}
    script.answers = [
        lambda: web.json_response({**A_JOB, "log_dropped": 7}),
        lambda: web.json_response({"items": [entry], "next_page": None, "dropped": 7}),
    ]
    result = await command(script, "jobs", "logs", JOB, "--level", "error")
    assert "no rows" in result.stdout
    assert result.stderr.startswith("7 older lines were dropped")
    assert script.requests[1][1].endswith("/logs?level=error")


async def test_a_refused_token_is_said_in_whole_sentences(script: Script) -> None:
    script.answers = [lambda: problem(401)]
    result = await command(script, "jobs", "get", JOB)
    assert result.stderr == "wayside: Detail (code). Is the token still valid? See `wayside token`.\n"
