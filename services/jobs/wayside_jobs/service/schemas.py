"""JSON Schemas as inputs are checked against them: what anybody may send takes a bounded time."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import orjson
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from pydantic import JsonValue
from pydantic_core import SchemaError, SchemaValidator, core_schema
from referencing import Registry

SECONDS_LIMIT: Final = 5.0
"""Processor time of one check. Alternatives that refer to each other are tried again at each level of an input: without a
limit the time doubles with every one."""

Schema = Mapping[str, JsonValue]

_ends_at: ContextVar[float] = ContextVar("wayside_check_ends_at")


class TooComplex(Exception):
    """An input takes too long to be checked."""


def schema_validator(schema: dict[str, JsonValue]) -> Validator:
    """Return what checks values against a schema, for `errors_in`."""
    kind = (
        _LenientValidator
        if {"unevaluatedProperties", "patternProperties"} <= _names_within(schema)
        else _SchemaValidator
    )
    # Without a registry of its own jsonschema fetches references from the network.
    return kind(schema, registry=Registry())


def errors_in(
    value: JsonValue, validator: Validator, *, limit: int, seconds: float = SECONDS_LIMIT
) -> list[ValidationError]:
    """Return the first mistakes; raises `TooComplex`, or what jsonschema does where the schema cannot be applied."""
    _ends_at.set(time.thread_time() + seconds)
    return list(islice(validator.iter_errors(value), limit))


def _names_within(schema: JsonValue) -> set[str]:
    match schema:
        case dict():
            return set(schema).union(*map(_names_within, schema.values()))
        case list():
            return set().union(*map(_names_within, schema))
        case _:
            return set()


def _unique_items(
    _validator: Validator, is_wanted: bool, value: JsonValue, _schema: Schema
) -> Iterator[ValidationError]:
    """Compare items by their canonical text; jsonschema compares objects pair by pair, minutes for some thousand."""
    if is_wanted and isinstance(value, list):
        texts = {orjson.dumps(_canonical(item), option=orjson.OPT_SORT_KEYS) for item in value}
        if len(texts) < len(value):
            yield ValidationError("The items are not unique")


def _canonical(value: JsonValue) -> JsonValue:
    """Write equal numbers alike: to JSON Schema 1.0 is 1."""
    match value:
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case dict():
            return {key: _canonical(item) for key, item in value.items()}
        case list():
            return [_canonical(item) for item in value]
        case _:
            return value


@lru_cache(maxsize=1_000)
def _matcher(pattern: str) -> Callable[[str], bool]:
    """Search for a pattern in linear time, as pydantic does; Python's own engine may take years for thirty characters.

    A pattern with what cannot be searched for so, as looking ahead, is left to the worker: everything matches.
    """
    try:
        rule = core_schema.str_schema(pattern=pattern, strict=True, regex_engine="rust-regex")
        return SchemaValidator(rule).isinstance_python
    except SchemaError:
        return _anything


def _anything(_text: str) -> bool:
    return True


def _pattern(
    _validator: Validator, pattern: str, value: JsonValue, _schema: Schema
) -> Iterator[ValidationError]:
    if isinstance(value, str) and not _matcher(pattern)(value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any,  # noqa: ANN401 - the protocol leaves `descend` out
    patterns: Mapping[str, JsonValue],
    value: JsonValue,
    _schema: Schema,
) -> Iterator[ValidationError]:
    for pattern, schema in patterns.items():
        for name in _names_in(value):
            if _matcher(pattern)(name):
                yield from validator.descend(value[name], schema, path=name, schema_path=pattern)  # type: ignore[index, call-overload]


def _additional_properties(
    validator: Any,  # noqa: ANN401 - the protocol leaves `descend` out
    allowed: JsonValue,
    value: JsonValue,
    schema: Mapping[str, Any],
) -> Iterator[ValidationError]:
    patterns = [_matcher(pattern) for pattern in schema.get("patternProperties", {})]
    known = schema.get("properties", {})
    others = [
        name
        for name in _names_in(value)
        if name not in known and not any(matches(name) for matches in patterns)
    ]
    if isinstance(allowed, dict):
        for name in others:
            yield from validator.descend(value[name], allowed, path=name)  # type: ignore[index, call-overload]
    elif not allowed and others:
        shown = ", ".join(map(repr, sorted(others)[:20]))
        yield ValidationError(f"Additional properties are not allowed: {shown}")


def _names_in(value: JsonValue) -> Sequence[str]:
    return list(value) if isinstance(value, dict) else ()


def _left_to_the_worker(
    _validator: Validator, _keyword: JsonValue, _value: JsonValue, _schema: Schema
) -> Iterator[ValidationError]:
    return iter(())


def _timed(keyword: str) -> Callable[..., Iterator[ValidationError]]:
    """Follow references as `keyword` does, as long as there is time: no schema takes long without them."""
    follow = Draft202012Validator.VALIDATORS[keyword]

    def timed(
        validator: Validator, reference: str, value: JsonValue, schema: Schema
    ) -> Iterator[ValidationError]:
        if time.thread_time() > _ends_at.get():
            raise TooComplex
        yield from follow(validator, reference, value, schema) or ()

    return timed


_SchemaValidator: type[Validator] = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "uniqueItems": _unique_items,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "$ref": _timed("$ref"),
        "$dynamicRef": _timed("$dynamicRef"),
    },
)

_LenientValidator: type[Validator] = validators.extend(  # type: ignore[no-untyped-call]
    _SchemaValidator, {"unevaluatedProperties": _left_to_the_worker}
)
"""To know what is evaluated, jsonschema itself searches for the patterns of names, by Python's engine."""
