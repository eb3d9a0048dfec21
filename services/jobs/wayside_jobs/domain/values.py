"""JSON values as the text that is stored and sent, and what of them cannot be stored."""

import math
from datetime import datetime
from functools import lru_cache
from typing import NewType

import orjson
from pydantic import JsonValue

from wayside_events.contracts.depth import DEPTH_LIMIT, is_too_deep
from wayside_events.contracts.problems import pointer
from wayside_jobs.domain.errors import InvalidValue, ValueTooLarge

Json = NewType("Json", str)
"""The text of one JSON document. It is embedded as it is and not parsed on its way."""

DETAILS_LIMIT_BYTES = 64 * 1024
"""The largest metrics, error details or log context: together with input, partial and result they fit one message."""


def json_text(value: JsonValue, field: str, limit_bytes: int) -> Json:
    """Encode `value`; raises `ValueTooLarge`, or `InvalidValue` for what PostgreSQL or JSON cannot hold."""
    try:
        encoded = orjson.dumps(value)
    except TypeError as error:
        raise InvalidValue(field, "not_encodable", str(error)) from None
    if len(encoded) > limit_bytes:
        raise ValueTooLarge(field, len(encoded), limit_bytes)
    if is_too_deep(value, encoded):
        raise InvalidValue(
            field, "too_deep", f"At most {DEPTH_LIMIT} levels of arrays and objects are allowed."
        )
    # orjson writes NaN and Infinity as null, so without a null there is none of them.
    if b"\\u0000" in encoded or b"null" in encoded:
        _check(value, field)
    return Json(encoded.decode())


def plain_text(value: str | None, field: str) -> str | None:
    """Return `value`; raises `InvalidValue` for a character PostgreSQL cannot hold."""
    if value is not None and "\0" in value:
        raise InvalidValue(field, "null_character", "A NUL character is not allowed.")
    return value


@lru_cache(maxsize=4_096)
def rfc3339(moment: datetime) -> str:
    """Write a moment in UTC the way `wayside_events.envelope.Timestamp` does; one transaction has one `now`."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def embedded(text: Json | None) -> orjson.Fragment | None:
    """Return stored JSON as a part of a document to encode."""
    return None if text is None else orjson.Fragment(text)


def _check(value: JsonValue, field: str) -> None:
    match value:
        case str():
            plain_text(value, field)
        case float() if not math.isfinite(value):
            raise InvalidValue(field, "finite_number", "The number must be finite.")
        case list():
            for index, item in enumerate(value):
                _check(item, field + pointer([index]))
        case dict():
            for key, item in value.items():
                plain_text(key, field)
                _check(item, field + pointer([key]))
        case _:
            pass
