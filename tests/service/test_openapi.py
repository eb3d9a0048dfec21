import json
from typing import Any

import pytest
from openapi_spec_validator import validate
from tests.service.sample import Serve
from tests.service.test_http import Author, NoteIsGone, get_note, routes

from wayside_service.errors import ERROR_STATUSES
from wayside_service.http import ApiInfo, RouteTable, openapi_document


def document_of(table: RouteTable) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        openapi_document(table, ApiInfo("Sample", "1"), {**ERROR_STATUSES, NoteIsGone: 410})
    )
    return document


async def test_the_served_document_is_valid_openapi_3_1(serve: Serve) -> None:
    async with serve(routes) as client:
        document = await (await client.get("/openapi.json")).json()
    validate(document)
    assert document["openapi"] == "3.1.0"


async def test_every_declared_route_is_in_the_document(serve: Serve) -> None:
    described = {(path, method) for path, item in document_of(routes)["paths"].items() for method in item}
    assert described == {(route.path, route.method.lower()) for route in routes}


def test_an_operation_names_its_models_role_and_parameters() -> None:
    paths = document_of(routes)["paths"]
    create = paths["/v1/notes"]["post"]
    assert create["operationId"] == "create_note"
    assert create["x-wayside-role"] == "operator"
    assert create["security"] == [{"bearer": []}]
    schema = create["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/CreateNote"}
    assert [(p["name"], p["in"], p["required"]) for p in create["parameters"]] == [
        ("Idempotency-Key", "header", False)
    ]
    assert [(p["name"], p["in"]) for p in paths["/v1/notes/{note_id}"]["get"]["parameters"]] == [
        ("note_id", "path")
    ]


def test_bodies_are_closed_in_the_document_too() -> None:
    schemas = document_of(routes)["components"]["schemas"]
    assert schemas["CreateNote"]["additionalProperties"] is False
    assert schemas["Author"]["additionalProperties"] is False


def test_a_body_that_the_handler_reads_itself_is_described_too() -> None:
    table = RouteTable()
    takes = {"application/json": list[Author], "application/x-ndjson": Author}

    @table.post("/v1/authors", summary="Take authors", answers={204: None}, role=None, takes=takes)
    async def take_authors() -> None: ...

    operation = document_of(table)["paths"]["/v1/authors"]["post"]
    lines = operation["requestBody"]["content"]["application/x-ndjson"]["schema"]
    assert lines == {"$ref": "#/components/schemas/Author", "description": "One a line"}
    assert operation["requestBody"]["content"]["application/json"]["schema"]["type"] == "array"
    assert {"400", "408", "413", "415"} <= operation["responses"].keys()


def test_a_lenient_list_is_described_by_its_items() -> None:
    schema = document_of(routes)["paths"]["/v1/lines"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    assert schema["items"] == {"$ref": "#/components/schemas/Author"}
    assert "Rejected" not in document_of(routes)["components"]["schemas"]


def codes(operation: dict[str, Any], status: str) -> list[str]:
    schema = operation["responses"][status]["content"]["application/problem+json"]["schema"]
    found: list[str] = schema["allOf"][1]["properties"]["code"]["enum"]
    return found


def test_error_answers_name_their_codes() -> None:
    paths = document_of(routes)["paths"]
    assert codes(paths["/v1/notes"]["post"], "401") == ["invalid_token", "token_expired", "unauthorized"]
    assert codes(paths["/v1/notes/{note_id}"]["get"], "404") == ["not_found"]
    assert "401" not in paths["/v1/notes/{note_id}"]["get"]["responses"]


def test_an_operation_with_a_body_may_answer_that_the_body_did_not_come() -> None:
    responses = document_of(routes)["paths"]["/v1/notes"]["post"]["responses"]
    assert "request_timed_out" in responses["408"]["description"]
    assert "bad_request" in responses["400"]["description"]


def test_two_handlers_of_one_name_are_refused() -> None:
    table = RouteTable()
    for path in ("/a/{note_id}", "/b/{note_id}"):
        table.get(path, summary="Read", answers={200: int}, role=None)(get_note)
    with pytest.raises(TypeError, match="same name"):
        document_of(table)
