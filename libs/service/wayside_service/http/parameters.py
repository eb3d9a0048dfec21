"""What a handler asks for, read from its signature."""

import inspect
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model

from wayside_service.http.route import Route

_PATH_PARAMETER = re.compile(r"{(\w+)(?::[^{}]*)?}")
_RESERVED = frozenset({"request", "principal", "body", "query", "headers", "return"})


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parts of a request one handler takes; `None` where it takes none."""

    body: TypeAdapter[Any] | None
    body_is_optional: bool
    query: type[BaseModel] | None
    headers: type[BaseModel] | None
    path: type[BaseModel] | None
    wants_request: bool
    wants_principal: bool


def parameters_of(route: Route) -> Parameters:
    """Read the handler's signature; raises `TypeError` for one that cannot be served or documented."""
    hints = get_type_hints(route.handler, include_extras=True)
    names = inspect.signature(route.handler).parameters.keys()
    in_path = _PATH_PARAMETER.findall(route.path)
    path_hints = {name: hints[name] for name in names if name not in _RESERVED}
    if set(path_hints) != set(in_path):
        msg = f"{route.handler.__qualname__} takes {sorted(path_hints)}, its path names {sorted(in_path)}"
        raise TypeError(msg)
    body = TypeAdapter(hints["body"]) if "body" in names else None
    query = hints["query"] if "query" in names else None
    for schema in (body.json_schema() if body else {}, query.model_json_schema() if query else {}):
        _check_closed(schema, route)
    return Parameters(
        body=body,
        body_is_optional=body is not None and _is_optional(hints["body"]),
        query=query,
        headers=hints["headers"] if "headers" in names else None,
        path=_path_model(path_hints, in_path),
        wants_request="request" in names,
        wants_principal="principal" in names,
    )


def _path_model(hints: Mapping[str, Any], order: list[str]) -> type[BaseModel] | None:
    if not hints:
        return None
    fields: dict[str, Any] = {name: (hints[name], ...) for name in order}
    return create_model("Path", __config__=ConfigDict(frozen=True), **fields)


def _is_optional(hint: object) -> bool:
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _check_closed(schema: object, route: Route) -> None:
    """Refuse a model that would silently drop fields it does not know."""
    match schema:
        case {"properties": _, **rest} if rest.get("additionalProperties") is not False:
            msg = f"{route.method} {route.path}: {rest.get('title')} accepts unknown fields; use ClosedModel"
            raise TypeError(msg)
        case dict():
            for value in schema.values():
                _check_closed(value, route)
        case list():
            for value in schema:
                _check_closed(value, route)
        case _:
            pass
