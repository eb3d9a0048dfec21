"""From the bytes of a body to the value a handler takes, or to the error that says what is wrong with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from wayside_events.contracts.problems import FieldError, Location, field_errors, pointer, summary
from wayside_service.errors import InvalidInput, MalformedJson

MAX_FIELD_ERRORS = 50

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item of a list that is not what it should be."""

    errors: tuple[FieldError, ...]


def _keep_error(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    try:
        return validate(value)
    except ValidationError as error:
        return Rejected(field_errors(error)[:MAX_FIELD_ERRORS])


if TYPE_CHECKING:
    Lenient: TypeAlias = T | Rejected
else:
    Lenient = Annotated[T, WrapValidator(_keep_error)]
"""`list[Lenient[Item]]`: an item that is not valid becomes a `Rejected`, and the rest of the body counts."""


def parse_json(adapter: TypeAdapter[Any], raw: bytes) -> Any:  # noqa: ANN401 - what the adapter is for
    """Parse and validate; raises `MalformedJson` with the position or `InvalidInput` with the fields."""
    try:
        # pydantic takes NaN and Infinity, which are not JSON and which PostgreSQL refuses.
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        msg = f"Line {error.lineno}, column {error.colno}: {error.msg}"
        raise MalformedJson(msg) from None
    try:
        valid = adapter.validate_json(raw)
    except ValidationError as error:
        if error.errors(include_url=False, include_context=False)[0]["type"] == "json_invalid":
            raise MalformedJson("The body is nested too deeply.") from None
        raise invalid_input(field_errors(error)) from None
    # Only now: what pydantic has parsed is not nested so deeply that looking through it would exhaust the stack.
    if b"\\u0000" in raw and (found := [null_character(pointer(place)) for place in _nulls(value, ())]):
        raise invalid_input(found)
    return valid


def parse_lines(adapter: TypeAdapter[Any], raw: bytes) -> Any:  # noqa: ANN401 - what the adapter is for
    """Parse newline-delimited JSON as the array of its lines.

    A malformed line is a `Rejected` where items are `Lenient`; else it is a `MalformedJson` that names the line.
    """
    lines = [line for line in raw.split(b"\n") if line.strip()]
    malformed = {index: found for index, line in enumerate(lines) if (found := _malformed(index, line))}
    array = (
        b"[" + b",".join(b"null" if index in malformed else line for index, line in enumerate(lines)) + b"]"
    )
    try:
        items = parse_json(adapter, array)
    except InvalidInput:
        if malformed:
            raise MalformedJson(next(iter(malformed.values())).message) from None
        raise
    return [Rejected((malformed[index],)) if index in malformed else item for index, item in enumerate(items)]


def _malformed(index: int, line: bytes) -> FieldError | None:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError as error:
        message = f"Line {index + 1}, column {error.colno}: {error.msg}"
        return FieldError(field="/", code=MalformedJson.code, message=message)
    return None


def invalid_input(errors: Sequence[FieldError]) -> InvalidInput:
    """Return the error that lists the first of `errors`; its detail says how many there are."""
    return InvalidInput(summary(errors), errors=errors[:MAX_FIELD_ERRORS])


def null_character(field: str) -> FieldError:
    """Return what is wrong with a text that PostgreSQL cannot store."""
    return FieldError(field=field, code="null_character", message="A NUL character is not allowed.")


def _nulls(value: object, place: Location) -> Iterator[Location]:
    match value:
        case str():
            if "\0" in value:
                yield place
        case dict():
            if any("\0" in key for key in value):
                yield place
            for key, item in value.items():
                yield from _nulls(item, (*place, key))
        case list():
            for index, item in enumerate(value):
                yield from _nulls(item, (*place, index))
        case _:
            pass
