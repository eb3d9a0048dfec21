"""From a request to the arguments of its handler, or to the error that says what is wrong with it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from wayside_events.contracts.problems import FieldError, in_words
from wayside_service.errors import BadRequest, BodyTooLarge, RequestTimedOut, UnsupportedMediaType
from wayside_service.http.json_body import invalid_input, null_character, parse_json, parse_lines
from wayside_service.http.parameters import FlatModel, Parameters
from wayside_service.http.route import LINES, Route

BODY_TIMEOUT_SECONDS = 30.0

Place = Callable[[str], str]


def _in_path(name: str) -> str:
    return f"{{{name}}}"


def _in_query(name: str) -> str:
    return f"?{name}"


def _in_headers(name: str) -> str:
    return name


async def bind(request: web.Request, route: Route, parameters: Parameters) -> dict[str, Any]:
    """Return the handler's arguments, all but `request` and `principal`; raises the `ServiceError`s of 400 to 422."""
    errors: list[FieldError] = []
    arguments: dict[str, Any] = {}
    if parameters.path is not None:
        path = _validated(parameters.path, request.match_info, _in_path, errors)
        arguments |= {name: getattr(path, name, None) for name in parameters.path.names}
    if parameters.query is not None:
        values = _flat(parameters.query, request, errors)
        arguments["query"] = _validated(parameters.query, values, _in_query, errors)
    else:
        errors += [_unknown(_in_query(name)) for name in request.query]
    if parameters.headers is not None:
        given = {name: request.headers[name] for name in parameters.headers.names if name in request.headers}
        arguments["headers"] = _validated(parameters.headers, given, _in_headers, errors)
    if errors:
        raise invalid_input(errors)
    if parameters.body is not None:
        is_absent = parameters.body.is_optional and not request.body_exists
        arguments["body"] = None if is_absent else await _body(request, route, parameters)
    return arguments


def _validated(
    flat: FlatModel, values: Mapping[str, Any], place: Place, errors: list[FieldError]
) -> BaseModel | None:
    errors += [null_character(place(name)) for name, value in values.items() if "\0" in "".join(value)]
    try:
        return flat.model.model_validate(dict(values))
    except ValidationError as error:
        for found in error.errors(include_url=False, include_context=False, include_input=False):
            name = "".join(map(str, found["loc"][:1]))
            errors.append(FieldError(field=place(name), code=found["type"], message=in_words(found["msg"])))
        return None


def _flat(flat: FlatModel, request: web.Request, errors: list[FieldError]) -> dict[str, str | list[str]]:
    taken: dict[str, str | list[str]] = {}
    for name in request.query:
        given = request.query.getall(name)
        if name not in flat.lists and len(given) > 1:
            errors.append(
                FieldError(field=_in_query(name), code="repeated", message="This is given more than once.")
            )
        taken[name] = given if name in flat.lists else given[0]
    return taken


def _unknown(field: str) -> FieldError:
    return FieldError(field=field, code="extra_forbidden", message="There is no such parameter.")


async def _body(request: web.Request, route: Route, parameters: Parameters) -> object:
    assert parameters.body is not None
    content_type = request.content_type
    if route.reads_lines and content_type == LINES:
        return parse_lines(parameters.body.adapter, await read_limited(request, route.body_limit_bytes))
    if content_type == "application/json" or content_type.endswith("+json"):
        return parse_json(parameters.body.adapter, await read_limited(request, route.body_limit_bytes))
    expected = f"application/json or {LINES}" if route.reads_lines else "application/json"
    msg = f"The body must be {expected}, not {content_type}."
    raise UnsupportedMediaType(msg)


async def read_limited(request: web.Request, limit_bytes: int) -> bytes:
    """Return the whole body; raises `BodyTooLarge` at the limit, `RequestTimedOut`, or `BadRequest`."""
    if (request.content_length or 0) > limit_bytes:
        raise _too_large(limit_bytes)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            return await _collect(request, limit_bytes)
    except TimeoutError:
        raise RequestTimedOut from None
    except web.RequestPayloadError:
        raise _undecodable() from None


async def body_chunks(request: web.Request) -> AsyncIterator[bytes]:
    """Yield a body of any length as it arrives; raises `BadRequest`, or `RequestTimedOut` when nothing arrives."""
    try:
        while chunk := await _next_chunk(request):
            yield chunk
    except TimeoutError:
        raise RequestTimedOut from None
    except web.RequestPayloadError:
        raise _undecodable() from None


async def _next_chunk(request: web.Request) -> bytes:
    # Not wait_for: its task would learn of a caller that left before the handler is cancelled, and call it a failure.
    async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
        return await request.content.readany()


def _undecodable() -> BadRequest:
    return BadRequest("The body cannot be decoded as its headers say.")


async def _collect(request: web.Request, limit_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit_bytes:
            raise _too_large(limit_bytes)
    return bytes(body)


def _too_large(limit_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body may have at most {limit_bytes} bytes.")
