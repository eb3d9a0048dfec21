"""Declared routes: what is bound, what is refused and how, what is answered."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientPayloadError, web
from pydantic import BaseModel, Field, JsonValue, TypeAdapter
from structlog.testing import LogCapture
from tests.eventually import eventually
from tests.service.sample import Client, Serve, headers_for

from wayside_events.contracts.problems import FieldError
from wayside_service.auth import Principal, Role
from wayside_service.errors import Conflict, MalformedJson, NotFound, Unavailable
from wayside_service.http import ClosedModel, Lenient, MediaType, Rejected, Reply, RouteTable, binding
from wayside_service.http.json_body import parse_json

NOTE = "01890000-0000-7000-8000-000000000000"


class Author(ClosedModel):
    name: str


class CreateNote(ClosedModel):
    scope: str
    text: str
    authors: tuple[Author, ...] = ()
    data: JsonValue = None


class NoteQuery(ClosedModel):
    limit: int = Field(default=10, le=100)
    tag: tuple[str, ...] = ()
    since: datetime | None = None


class NoteHeaders(BaseModel):
    key: str | None = Field(default=None, alias="Idempotency-Key", max_length=5)


class Note(BaseModel):
    id: UUID
    text: str


class Shown(BaseModel):
    """What a list was asked for, and by whom."""

    query: NoteQuery
    subject: str


class Written(BaseModel):
    """What came of many items."""

    names: list[str]
    rejected: dict[int, tuple[FieldError, ...]]


class NoteIsGone(Exception):
    """As a service's domain writes it: without anything of ours."""

    code = "note_is_gone"
    title = "The note is gone"


routes = RouteTable(tags=["notes"])


@routes.post("/v1/notes", summary="Write", answers={201: Note}, role=Role.OPERATOR, body_limit_bytes=1000)
async def create_note(body: CreateNote, headers: NoteHeaders) -> Reply:
    return Reply(Note(id=UUID(NOTE), text=body.text), headers={"Location": f"/v1/notes/{headers.key}"})


@routes.get("/v1/notes", summary="List", answers={200: Shown}, role=Role.VIEWER)
async def list_notes(query: NoteQuery, principal: Principal) -> Shown:
    return Shown(query=query, subject=principal.subject)


@routes.get("/v1/notes/{note_id}", summary="Read", answers={200: Note}, role=None, errors=[NotFound])
async def get_note(note_id: UUID) -> Note:
    return Note(id=note_id, text="hello")


@routes.delete("/v1/notes/{note_id}", summary="Delete", answers={204: None}, role=None)
async def delete_note(note_id: UUID) -> None: ...


@routes.post("/v1/fail/{kind}", summary="Fail", answers={200: None}, role=None)
async def fail(kind: str) -> Reply:
    match kind:
        case "conflict":
            raise Conflict("It is running.", current={"status": "running"})
        case "domain":
            raise NoteIsGone("Note 7 is gone.")
        case "unavailable":
            raise Unavailable
        case "undeclared":
            return Reply(status=202)
        case _:
            raise RuntimeError("password=hunter2")


@routes.post("/v1/lines", summary="Many", answers={200: Written}, role=None, reads_lines=True)
async def write_lines(body: list[Lenient[Author]]) -> Written:
    return Written(
        names=[item.name for item in body if not isinstance(item, Rejected)],
        rejected={index: item.errors for index, item in enumerate(body) if isinstance(item, Rejected)},
    )


@routes.post("/v1/optional", summary="Optional body", answers={200: bool}, role=None)
async def optional_body(body: Author | None = None) -> bool:
    return body is None


@routes.get("/v1/raw", summary="Raw JSON", answers={200: JsonValue}, role=None)
async def raw_json() -> bytes:
    return b'{"raw": true}'


@routes.get("/v1/stream", summary="Stream", answers={200: MediaType("text/plain")}, role=None)
async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    await response.write(b"first ")
    if request.headers.get("X-Break"):
        raise RuntimeError("in the middle")
    await response.write(b"second")
    return response


@pytest.fixture
async def client(serve: Serve) -> AsyncIterator[Client]:
    async with serve(routes, errors={NoteIsGone: 410}) as opened:
        opened.session.headers.update(headers_for(acme=["operator"]))
        yield opened


async def problem(client: Client, method: str, path: str, **options: Any) -> dict[str, Any]:
    """Send a request that fails; return its problem document."""
    async with client.request(method, path, **options) as answer:
        document: dict[str, Any] = await answer.json(content_type="application/problem+json")
    assert document["status"] == answer.status
    assert document["instance"] == answer.headers["X-Request-Id"]
    assert document["type"] == f"urn:wayside:problem:{document['code']}"
    return document


def fields(document: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    return [(error["field"], error["code"]) for error in document["errors"]]


async def test_a_handler_gets_what_it_declares_and_its_value_is_the_answer(client: Client) -> None:
    body = {"scope": "acme", "text": "hello"}
    answer = await client.post("/v1/notes", json=body, headers={"Idempotency-Key": "k1"})
    assert (answer.status, await answer.json()) == (201, {"id": NOTE, "text": "hello"})
    assert answer.headers["Location"] == "/v1/notes/k1"


async def test_query_values_are_parsed_and_lists_may_be_repeated(client: Client) -> None:
    answer = await client.get("/v1/notes?limit=5&tag=a&tag=b&since=2026-01-01T00:00:00Z")
    query = {"limit": 5, "tag": ["a", "b"], "since": "2026-01-01T00:00:00Z"}
    assert await answer.json() == {"query": query, "subject": "ada"}


async def test_one_value_of_a_list_is_a_list(client: Client) -> None:
    assert (await (await client.get("/v1/notes?tag=a")).json())["query"]["tag"] == ["a"]


async def test_head_works_where_get_does(client: Client) -> None:
    answer = await client.head(f"/v1/notes/{NOTE}")
    assert (answer.status, await answer.read()) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


async def test_an_answer_may_be_empty(client: Client) -> None:
    answer = await client.delete(f"/v1/notes/{NOTE}")
    assert (answer.status, await answer.read()) == (204, b"")


async def test_bytes_are_json_already(client: Client) -> None:
    answer = await client.get("/v1/raw")
    assert (answer.content_type, await answer.read()) == ("application/json", b'{"raw": true}')


async def test_a_handler_may_stream(client: Client) -> None:
    answer = await client.get("/v1/stream")
    assert await answer.read() == b"first second"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_stream_that_fails_in_the_middle_is_cut_and_not_ended(client: Client) -> None:
    answer = await client.get("/v1/stream", headers={"X-Break": "1"})
    with pytest.raises(ClientPayloadError):
        await answer.read()


@pytest.mark.parametrize(
    "body, position",
    [
        (b'{"scope":\n  nope}', "Line 2, column 3"),
        (b"", "Line 1, column 1"),
        (b"\xff", ""),
        (b'{"scope": NaN}', "Line 1, column 11"),
        (b'{"a": "\\ud800"}', ""),
        (b"[" * 900, ""),
    ],
)
async def test_malformed_json_is_a_400_with_the_position(client: Client, body: bytes, position: str) -> None:
    document = await problem(
        client, "POST", "/v1/notes", data=body, headers={"Content-Type": "application/json"}
    )
    assert (document["status"], document["code"]) == (400, "malformed_json")
    assert position in document["detail"]


@pytest.mark.parametrize("levels", [250, 1_000, 100_000])
def test_json_nested_too_deeply_is_refused_as_malformed(levels: int) -> None:
    with pytest.raises(MalformedJson):
        parse_json(TypeAdapter(JsonValue), b'%b"\\u0000"%b' % (b"[" * levels, b"]" * levels))


async def test_json_with_a_suffix_is_json(client: Client) -> None:
    headers = {"Content-Type": "application/vnd.note+json; charset=utf-8"}
    answer = await client.post("/v1/notes", data=b'{"scope": "acme", "text": "x"}', headers=headers)
    assert answer.status == 201


async def test_another_content_type_is_a_415(client: Client) -> None:
    document = await problem(client, "POST", "/v1/notes", data={"scope": "acme"})
    assert (document["status"], document["code"]) == (415, "unsupported_media_type")


async def test_each_field_at_fault_is_named_by_its_place_in_the_body(client: Client) -> None:
    body = {"scope": "acme", "authors": [{"name": "a"}, {"name": 7, "a/b": 1}], "extra": 1}
    document = await problem(client, "POST", "/v1/notes", json=body)
    assert (document["status"], document["code"]) == (422, "invalid_input")
    assert sorted(fields(document)) == [
        ("/authors/1/a~1b", "extra_forbidden"),
        ("/authors/1/name", "string_type"),
        ("/extra", "extra_forbidden"),
        ("/text", "missing"),
    ]


async def test_what_was_sent_is_not_repeated_in_the_answer(client: Client) -> None:
    document = await problem(client, "POST", "/v1/notes", json={"scope": "acme", "text": ["hunter2"]})
    assert "hunter2" not in str(document)


async def test_a_long_name_of_a_field_is_not_repeated_whole(client: Client) -> None:
    answer = await client.post("/v1/notes", json={"scope": "acme", "text": "x", "k" * 500: 1})
    assert answer.status == 422
    assert "k" * 101 not in await answer.text()


async def test_a_nul_character_is_refused_where_it_is(client: Client) -> None:
    body = {"scope": "acme", "text": "x", "data": {"deep": [1, "a\0b"]}}
    assert fields(await problem(client, "POST", "/v1/notes", json=body)) == [
        ("/data/deep/1", "null_character")
    ]
    assert fields(await problem(client, "GET", "/v1/notes?tag=a%00")) == [("?tag", "null_character")]


@pytest.mark.parametrize(
    "query, expected",
    [
        ("limit=ten", ("?limit", "int_parsing")),
        ("limit=101", ("?limit", "less_than_equal")),
        ("limit=1&limit=2", ("?limit", "repeated")),
        ("colour=red", ("?colour", "extra_forbidden")),
        ("since=yesterday", ("?since", "datetime_from_date_parsing")),
    ],
)
async def test_a_wrong_query_parameter_is_named(
    client: Client, query: str, expected: tuple[str, str]
) -> None:
    document = await problem(client, "GET", f"/v1/notes?{query}")
    assert (document["status"], fields(document)) == (422, [expected])


async def test_a_query_where_none_is_read_is_refused(client: Client) -> None:
    assert fields(await problem(client, "GET", f"/v1/notes/{NOTE}?x=1")) == [("?x", "extra_forbidden")]


async def test_a_wrong_path_parameter_is_named(client: Client) -> None:
    assert fields(await problem(client, "GET", "/v1/notes/seven")) == [("{note_id}", "uuid_parsing")]


async def test_a_wrong_header_is_named(client: Client) -> None:
    headers = {"Idempotency-Key": "much too long"}
    document = await problem(client, "POST", "/v1/notes", json={}, headers=headers)
    assert fields(document) == [("Idempotency-Key", "string_too_long")]


async def test_a_body_over_the_limit_is_a_413_whatever_it_announces(client: Client) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    plain = {"Content-Type": "application/json"}
    packed = {**plain, "Content-Encoding": "gzip"}
    for data, headers in ((b" " * 1001, plain), (chunks(), plain), (gzip.compress(b" " * 5000), packed)):
        document = await problem(client, "POST", "/v1/notes", data=data, headers=headers)
        assert (document["status"], document["code"]) == (413, "body_too_large")


async def test_a_body_may_be_optional(client: Client) -> None:
    assert await (await client.post("/v1/optional")).json() is True
    assert await (await client.post("/v1/optional", json={"name": "a"})).json() is False


async def test_invalid_items_of_a_lenient_list_do_not_block_the_rest(client: Client) -> None:
    answer = await (await client.post("/v1/lines", json=[{"name": "a"}, {"nome": "b"}, {"name": "c"}])).json()
    assert answer["names"] == ["a", "c"]
    assert [error["field"] for error in answer["rejected"]["1"]] == ["/name", "/nome"]


async def test_lines_are_read_as_an_array_and_a_malformed_one_is_rejected_by_itself(client: Client) -> None:
    data = b'{"name": "a"}\n\n{"name": \n{"name": "c"}\r\n'
    answer = await client.post("/v1/lines", data=data, headers={"Content-Type": "application/x-ndjson"})
    document = await answer.json()
    assert document["names"] == ["a", "c"]
    assert document["rejected"]["1"][0]["code"] == "malformed_json"


async def test_a_scope_the_caller_has_no_role_in_is_a_403(client: Client) -> None:
    document = await problem(client, "POST", "/v1/notes", json={"scope": "other", "text": "x"})
    assert (document["status"], document["code"]) == (403, "scope_forbidden")
    assert fields(document) == [("/scope", "scope_forbidden")]


async def test_who_has_the_role_nowhere_is_refused_before_the_body_is_read(serve: Serve) -> None:
    async with serve(routes) as client:
        document = await problem(
            client, "POST", "/v1/notes", data=b"nonsense", headers=headers_for(acme=["viewer"])
        )
    assert document["status"] == 403


async def test_no_token_is_a_401_with_a_challenge(serve: Serve) -> None:
    async with serve(routes) as client:
        document = await problem(client, "GET", "/v1/notes")
        challenge = (await client.get("/v1/notes")).headers["WWW-Authenticate"]
    assert (document["status"], document["code"]) == (401, "unauthorized")
    assert challenge == 'Bearer realm="wayside"'


async def test_an_unknown_path_and_method_are_problem_documents(client: Client) -> None:
    assert (await problem(client, "GET", "/nowhere"))["code"] == "route_not_found"
    assert (await problem(client, "PUT", "/v1/notes"))["code"] == "method_not_allowed"
    assert (await client.put("/v1/notes")).headers["Allow"] == "GET,HEAD,POST"


async def test_a_conflict_shows_the_current_state(client: Client) -> None:
    document = await problem(client, "POST", "/v1/fail/conflict")
    assert (document["status"], document["current"]) == (409, {"status": "running"})


async def test_an_error_of_the_domain_has_the_status_of_the_services_table(client: Client) -> None:
    document = await problem(client, "POST", "/v1/fail/domain")
    assert (document["status"], document["code"]) == (410, "note_is_gone")
    assert (document["title"], document["detail"]) == ("The note is gone", "Note 7 is gone.")


async def test_unavailable_says_when_to_come_again(client: Client) -> None:
    answer = await client.post("/v1/fail/unavailable")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")


async def test_an_unexpected_error_tells_nothing_but_where_to_look(client: Client) -> None:
    document = await problem(client, "POST", "/v1/fail/oops")
    assert (document["status"], document["code"]) == (500, "internal_error")
    assert "hunter2" not in str(document)
    assert "Traceback" not in str(document)


async def test_an_answer_that_is_not_declared_is_our_error(client: Client) -> None:
    assert (await problem(client, "POST", "/v1/fail/undeclared"))["status"] == 500


async def raw_exchange(client: Client, sent: bytes) -> tuple[int, dict[str, Any]]:
    """Send bytes that ask for the connection to be closed; return status and document of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(sent)
    head, _, body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head.split()[1]), json.loads(body) if body.startswith(b"{") else {}


def post(*headers: str, body: bytes) -> bytes:
    lines = [
        "POST /v1/optional HTTP/1.1",
        "Host: a",
        "Content-Type: application/json",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_a_body_that_cannot_be_decoded_is_a_400(client: Client) -> None:
    for sent in (
        post("Content-Encoding: gzip", "Content-Length: 7", body=b"no gzip"),
        post("Transfer-Encoding: chunked", body=b"zz\r\nnonsense\r\n"),
    ):
        status, document = await raw_exchange(client, sent)
        assert (status, document.get("code", "bad_request")) == (400, "bad_request")
        assert (await client.get("/healthz")).status == 200


async def test_a_client_that_goes_away_in_the_middle_is_no_error_of_ours(
    client: Client, log: LogCapture
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(post("Content-Length: 100", body=b'{"name":'))
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.transport.abort()
    assert await eventually(lambda: any(entry["event"] == "request" for entry in log.entries))
    assert {entry["log_level"] for entry in log.entries} == {"info"}


async def test_a_body_that_does_not_arrive_in_time_is_a_408(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binding, "BODY_TIMEOUT_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(post("Content-Length: 100", body=b'{"name":'))
    assert b"408" in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


@pytest.mark.parametrize(
    "path", ["/v1/notes?tag=%ff", "/v1/notes?%ff=1", "/v1/notes/%ff", "/v1/notes/%00", "/%ff"]
)
async def test_a_target_that_is_not_utf8_is_the_callers_error(client: Client, path: str) -> None:
    status, document = await raw_exchange(
        client, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
    )
    assert 400 <= status < 500
    assert document["code"] in ("route_not_found", "invalid_input", "bad_request", "unauthorized")


async def test_a_request_that_is_not_http_is_answered_and_the_server_goes_on(client: Client) -> None:
    status, _ = await raw_exchange(client, b"nonsense\r\n\r\n")
    assert status == 400
    assert (await client.get("/healthz")).status == 200


class Open(BaseModel):
    text: str


class HasOpen(ClosedModel):
    items: list[Open]


async def takes_open_body(body: HasOpen) -> None: ...
async def takes_open_query(query: Open) -> None: ...
async def lacks_path() -> None: ...
async def takes_too_much(note_id: UUID, other: int) -> None: ...
async def asks_for_nobody(note_id: UUID, principal: Principal) -> None: ...


@pytest.mark.parametrize(
    "handler, complaint",
    [
        (takes_open_body, "Open accepts unknown fields"),
        (takes_open_query, "Open accepts unknown fields"),
        (lacks_path, "its path names"),
        (takes_too_much, "its path names"),
        (asks_for_nobody, "lets everyone in"),
    ],
)
async def test_a_handler_that_cannot_be_served_is_found_at_start(
    serve: Serve, handler: Any, complaint: str
) -> None:
    table = RouteTable()
    path = "/v1/notes" if "open" in handler.__name__ else "/v1/notes/{note_id}"
    table.post(path, summary="Wrong", answers={200: None}, role=None)(handler)
    with pytest.raises(TypeError, match=complaint):
        async with serve(table):
            pass
