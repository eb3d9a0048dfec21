"""The OpenAPI 3.1 document of declared routes."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from wayside_events.contracts.problems import Problem
from wayside_service import errors as known
from wayside_service.errors import ErrorTable, ServiceError, status_of
from wayside_service.http.parameters import FlatModel, Parameters, parameters_of
from wayside_service.http.route import LINES, MediaType, Route
from wayside_service.problems import CONTENT_TYPE

_REF = "#/components/schemas/{model}"
_PATTERN = re.compile(r"{(\w+):[^{}]*}")

Json = dict[str, Any]
Operation = tuple[Route, Parameters]


@dataclass(frozen=True, slots=True)
class ApiInfo:
    """What the document says about itself."""

    title: str
    version: str
    description: str = ""


def openapi_document(routes: Iterable[Route], info: ApiInfo, errors: ErrorTable) -> bytes:
    """Return the document as JSON; operation ids are the handlers' names and must be unique."""
    operations = [(route, parameters_of(route)) for route in routes]
    schemas = _Schemas(operations)
    paths: dict[str, Json] = defaultdict(dict)
    for route, parameters in operations:
        path = _PATTERN.sub(r"{\1}", route.path)
        paths[path][route.method.lower()] = _operation(route, parameters, schemas, errors)
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": info.title, "version": info.version, "description": info.description},
            "paths": paths,
            "components": {
                "schemas": schemas.components,
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            },
        }
    )


class _Schemas:
    """The JSON Schemas of all models; those that several operations use are shared components."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        inputs: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
            ("problem", "serialization", TypeAdapter(Problem))
        ]
        for route, parameters in operations:
            if parameters.body is not None:
                inputs.append((_key(route, "body"), "validation", parameters.body.adapter))
            inputs += [
                (_key(route, content_type), "validation", TypeAdapter(taken))
                for content_type, taken in route.takes.items()
            ]
            inputs += [
                (_key(route, status), "serialization", TypeAdapter(answer))
                for status, answer in route.answers.items()
                if answer is not None and not isinstance(answer, MediaType)
            ]
        if len({key for key, _, _ in inputs}) != len(inputs):
            msg = "Two handlers have the same name; operation ids must be unique"
            raise TypeError(msg)
        schemas, definitions = TypeAdapter.json_schemas(inputs, ref_template=_REF)
        self._by_key = {key: schema for (key, _), schema in schemas.items()}
        self.components: Json = definitions.get("$defs", {})

    def of(self, route: Route, part: str | int) -> Json:
        return self._by_key[_key(route, part)]

    def problem(self, codes: Iterable[str]) -> Json:
        return {
            "allOf": [
                self._by_key["problem"],
                {"type": "object", "properties": {"code": {"enum": sorted(codes)}}},
            ]
        }

    def properties(self, model: type[BaseModel]) -> Iterable[tuple[str, Json, bool]]:
        """Yield name, schema and whether it is required, for the fields of a flat model."""
        schema = model.model_json_schema(ref_template=_REF)
        for name, definition in schema.get("$defs", {}).items():
            if self.components.setdefault(name, definition) != definition:
                msg = f"Two models are named {name}"
                raise TypeError(msg)
        for name, prop in schema.get("properties", {}).items():
            yield name, prop, name in schema.get("required", ())


def _key(route: Route, part: str | int) -> str:
    return f"{route.handler.__name__}.{part}"


def _operation(route: Route, parameters: Parameters, schemas: _Schemas, errors: ErrorTable) -> Json:
    operation: Json = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "tags": list(route.tags),
        "parameters": [
            *_parameters("path", parameters.path, schemas),
            *_parameters("query", parameters.query, schemas),
            *_parameters("header", parameters.headers, schemas),
        ],
        "responses": {
            **{str(status): _answer(route, status, schemas) for status in route.answers},
            **_problems(route, parameters, schemas, errors),
        },
    }
    if route.handler.__doc__:
        operation["description"] = route.handler.__doc__
    if parameters.body is not None:
        content = {"application/json": {"schema": schemas.of(route, "body")}}
        if route.reads_lines:
            content[LINES] = {"schema": {"description": "The items of the array, one a line"}}
        operation["requestBody"] = {"required": not parameters.body.is_optional, "content": content}
    elif route.takes:
        operation["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": _taken(route, kind, schemas)} for kind in route.takes},
        }
    if route.role is not None:
        operation["security"] = [{"bearer": []}]
        operation["x-wayside-role"] = str(route.role)
    return operation


def _taken(route: Route, content_type: str, schemas: _Schemas) -> Json:
    schema = schemas.of(route, content_type)
    return {**schema, "description": "One a line"} if content_type == LINES else schema


def _parameters(place: str, flat: FlatModel | None, schemas: _Schemas) -> list[Json]:
    if flat is None:
        return []
    return [
        {"name": name, "in": place, "required": required or place == "path", "schema": schema}
        for name, schema, required in schemas.properties(flat.model)
    ]


def _answer(route: Route, status: int, schemas: _Schemas) -> Json:
    answer = route.answers[status]
    if answer is None:
        return {"description": HTTPStatus(status).phrase}
    if isinstance(answer, MediaType):
        description = answer.description or HTTPStatus(status).phrase
        return {"description": description, "content": {answer.name: {}}}
    content = {"application/json": {"schema": schemas.of(route, status)}}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _problems(route: Route, parameters: Parameters, schemas: _Schemas, errors: ErrorTable) -> Json:
    by_status: dict[int, list[type[Exception]]] = defaultdict(list)
    for error in _possible(route, parameters):
        by_status[status_of(error, errors) or HTTPStatus.INTERNAL_SERVER_ERROR].append(error)
    return {str(status): _problem(classes, schemas) for status, classes in sorted(by_status.items())}


def _possible(route: Route, parameters: Parameters) -> list[type[Exception]]:
    """Return the errors an operation may answer with: its own, and those of its binding and authorisation."""
    possible: list[type[Exception]] = [ServiceError, known.Unavailable, *route.errors]
    if route.role is not None:
        possible += [known.Unauthorized, known.InvalidToken, known.TokenExpired]
        possible += [known.Forbidden, known.ScopeForbidden]
    if parameters.body is not None or route.takes:
        possible += [known.BadRequest, known.MalformedJson, known.RequestTimedOut]
        possible += [known.BodyTooLarge, known.UnsupportedMediaType]
    return [*possible, known.InvalidInput]


def _problem(classes: Iterable[type[Exception]], schemas: _Schemas) -> Json:
    by_code: Mapping[str, str] = {getattr(cls, "code", "?"): getattr(cls, "title", "") for cls in classes}
    return {
        "description": "; ".join(f"`{code}`: {title}" for code, title in by_code.items()),
        "content": {CONTENT_TYPE: {"schema": schemas.problem(by_code)}},
    }
