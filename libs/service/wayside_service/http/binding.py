"""From a request to the arguments of its handler, or to the error that says what is wrong with it."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from multidict import MultiMapping
from pydantic import BaseModel, TypeAdapter, ValidationError

from wayside_events.contracts.problems import FieldError
from wayside_service.errors import BodyTooLarge, InvalidInput, MalformedJson, UnsupportedMediaType
from wayside_service.http.parameters import Parameters

MAX_FIELD_ERRORS = 50


async def bind(request: web.Request, parameters: Parameters, body_limit_bytes: int) -> dict[str, Any]:
    """Return the handler's arguments, all but `request` and `principal`; raises a `ServiceError` of the 400s."""
    errors: list[FieldError] = []
    arguments: dict[str, Any] = {}
    if parameters.path is not None:
        path = _validated(parameters.path, dict(request.match_info), "{%s}", errors)
        arguments.update({name: getattr(path, name) for name in parameters.path.model_fields} if path else {})
    if parameters.query is not None:
        arguments["query"] = _validated(
            parameters.query, _flat(parameters.query, request.query, errors), "?%s", errors
        )
    elif request.query:
        errors.extend(_unknown(f"?{name}") for name in request.query)
    if parameters.headers is not None:
        arguments["headers"] = _validated(
            parameters.headers, _declared(parameters.headers, request.headers), "%s", errors
        )
    if errors:
        raise InvalidInput(_sentence(errors), errors=errors[:MAX_FIELD_ERRORS])
    if parameters.body is not None:
        arguments["body"] = await _body(request, parameters, body_limit_bytes)
    return arguments


def _validated(
    model: type[BaseModel], values: Mapping[str, Any], place: str, errors: list[FieldError]
) -> BaseModel | None:
    errors.extend(
        _null_character(place % name)
        for name, value in values.items()
        if isinstance(value, str) and "\0" in value
    )
    try:
        return model.model_validate(values)
    except ValidationError as error:
        errors.extend(
            FieldError(field=place % ".".join(map(str, e["loc"])), code=e["type"], message=e["msg"])
            for e in error.errors(include_url=False, include_context=False, include_input=False)
        )
        return None


def _flat(model: type[BaseModel], values: MultiMapping[str], errors: list[FieldError]) -> dict[str, Any]:
    """Return the values by name; only a field that is a list may be given more than once."""
    lists = {name for name, schema in _properties(model).items() if _holds_array(schema)}
    flat: dict[str, Any] = {}
    for name in values:
        given = values.getall(name)
        if name not in lists and len(given) > 1:
            errors.append(FieldError(field=f"?{name}", code="repeated", message="Given more than once"))
        flat[name] = given if name in lists else given[0]
    return flat


def _declared(model: type[BaseModel], values: Mapping[str, str]) -> dict[str, str]:
    return {name: values[name] for name in _properties(model) if name in values}


def _properties(model: type[BaseModel]) -> dict[str, Any]:
    properties: dict[str, Any] = model.model_json_schema().get("properties", {})
    return properties


def _holds_array(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "array" or any(_holds_array(option) for option in schema.get("anyOf", ()))


async def _body(request: web.Request, parameters: Parameters, limit_bytes: int) -> object:
    assert parameters.body is not None
    if not request.body_exists and parameters.body_is_optional:
        return None
    content_type = request.content_type
    if content_type != "application/json" and not content_type.endswith("+json"):
        msg = f"The body must be application/json, not {content_type}."
        raise UnsupportedMediaType(msg)
    return parse_json(parameters.body, await read_limited(request, limit_bytes))


async def read_limited(request: web.Request, limit_bytes: int) -> bytes:
    """Return the whole body; raises `BodyTooLarge` as soon as it is over the limit."""
    too_large = BodyTooLarge(f"The body may have at most {limit_bytes} bytes.")
    if (request.content_length or 0) > limit_bytes:
        raise too_large
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit_bytes:
            raise too_large
    return bytes(body)


def parse_json(adapter: TypeAdapter[Any], raw: bytes) -> Any:  # noqa: ANN401 - what the adapter is for
    """Parse and validate; raises `MalformedJson` with the position or `InvalidInput` with the fields."""
    try:
        # pydantic accepts NaN and Infinity, which are not JSON and which PostgreSQL refuses.
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        msg = f"Line {error.lineno}, column {error.colno}: {error.msg}"
        raise MalformedJson(msg) from None
    errors = [_null_character(pointer) for pointer in _nulls(value, "")] if b"\\u0000" in raw else []
    try:
        parsed = adapter.validate_json(raw)
    except ValidationError as error:
        errors += [
            FieldError(field=_pointer(e["loc"]), code=e["type"], message=e["msg"])
            for e in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    else:
        if not errors:
            return parsed
    raise InvalidInput(_sentence(errors), errors=errors[:MAX_FIELD_ERRORS])


def _nulls(value: object, pointer: str) -> list[str]:
    """Return where NUL characters are: JSON allows them, PostgreSQL cannot store them."""
    match value:
        case str():
            return [pointer] if "\0" in value else []
        case dict():
            return [found for key, item in value.items() for found in _nulls(item, f"{pointer}/{key}")] + [
                pointer for key in value if "\0" in key
            ]
        case list():
            return [found for index, item in enumerate(value) for found in _nulls(item, f"{pointer}/{index}")]
        case _:
            return []


def _null_character(field: str) -> FieldError:
    return FieldError(field=field, code="null_character", message="A NUL character is not allowed")


def _unknown(field: str) -> FieldError:
    return FieldError(field=field, code="extra_forbidden", message="Extra inputs are not permitted")


def _pointer(location: tuple[int | str, ...]) -> str:
    """Return an RFC 6901 pointer; the body itself is `/`."""
    return "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _sentence(errors: list[FieldError]) -> str:
    first = f"{errors[0].field}: {errors[0].message}"
    return first if len(errors) == 1 else f"{first}, and {len(errors) - 1} more"
