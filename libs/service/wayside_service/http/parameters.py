"""What a handler asks for, read from its signature."""

import inspect
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model

from wayside_service.http.route import Route

_PATH_PARAMETER = re.compile(r"{(\w+)(?::[^{}]*)?}")
_RESERVED = frozenset({"request", "principal", "body", "query", "headers"})


@dataclass(frozen=True, slots=True)
class FlatModel:
    """A model of named texts: query, path or headers. `lists` are the fields that may be given repeatedly."""

    model: type[BaseModel]
    names: frozenset[str]
    lists: frozenset[str]

    @classmethod
    def of(cls, model: type[BaseModel]) -> "FlatModel":
        """Read the fields from the model's JSON Schema."""
        properties = model.model_json_schema().get("properties", {})
        lists = (name for name, schema in properties.items() if _holds_array(schema))
        return cls(model, frozenset(properties), frozenset(lists))


@dataclass(frozen=True, slots=True)
class BodyModel:
    """What a body is parsed into."""

    adapter: TypeAdapter[Any]
    is_optional: bool


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parts of a request one handler takes; `None` where it takes none."""

    body: BodyModel | None
    query: FlatModel | None
    headers: FlatModel | None
    path: FlatModel | None
    wants_request: bool
    wants_principal: bool


@lru_cache(maxsize=1_024)
def parameters_of(route: Route) -> Parameters:
    """Read the handler's signature; raises `TypeError` for one that cannot be served or documented."""
    names = inspect.signature(route.handler).parameters.keys()
    resolved = get_type_hints(route.handler, include_extras=True)
    hints = {name: resolved[name] for name in names}
    parameters = Parameters(
        body=_body(hints["body"]) if "body" in hints else None,
        query=FlatModel.of(hints["query"]) if "query" in hints else None,
        headers=FlatModel.of(hints["headers"]) if "headers" in hints else None,
        path=_path(route, {name: hint for name, hint in hints.items() if name not in _RESERVED}),
        wants_request="request" in hints,
        wants_principal="principal" in hints,
    )
    if parameters.body is not None:
        _check_closed(parameters.body.adapter.json_schema(), route)
    if parameters.query is not None:
        _check_closed(parameters.query.model.model_json_schema(), route)
    if parameters.wants_principal and route.role is None:
        msg = f"{route.handler.__qualname__} asks for the principal, but its route lets everyone in"
        raise TypeError(msg)
    return parameters


def _body(hint: Any) -> BodyModel:  # noqa: ANN401 - any annotation
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else ()
    return BodyModel(TypeAdapter(hint), is_optional=type(None) in options)


def _path(route: Route, hints: Mapping[str, Any]) -> FlatModel | None:
    in_path: Sequence[str] = _PATH_PARAMETER.findall(route.path)
    if set(hints) != set(in_path):
        msg = f"{route.handler.__qualname__} takes {sorted(hints)}, its path names {sorted(in_path)}"
        raise TypeError(msg)
    if not hints:
        return None
    fields: dict[str, Any] = {name: (hints[name], ...) for name in in_path}
    return FlatModel.of(create_model("Path", __config__=ConfigDict(frozen=True), **fields))


def _holds_array(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "array" or any(_holds_array(option) for option in schema.get("anyOf", ()))


def _check_closed(schema: object, route: Route) -> None:
    """Refuse a model that would silently drop fields it does not know."""
    match schema:
        case {"properties": dict(), **rest} if rest.get("additionalProperties") is not False:
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
