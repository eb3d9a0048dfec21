"""How deeply JSON may be nested that one side stores and others read."""

from typing import Final

from pydantic import JsonValue

DEPTH_LIMIT: Final = 100
"""The most levels of arrays and objects of an input, a result, evidence and the like.

Readers parse such a value inside a reply or an event, and pydantic's parser, ours in Python, ends at 200 levels: a value
that only just passed alone could never be read again, nor whatever came with it.
"""


def is_too_deep(value: JsonValue, encoded: bytes) -> bool:
    """Whether `value` has more levels than allowed; `encoded` is the same as JSON, and spares most values a look."""
    return encoded.count(b"[") + encoded.count(b"{") > DEPTH_LIMIT and _has_below(value, DEPTH_LIMIT)


def _has_below(value: JsonValue, levels: int) -> bool:
    match value:
        case dict():
            return levels == 0 or any(_has_below(item, levels - 1) for item in value.values())
        case list():
            return levels == 0 or any(_has_below(item, levels - 1) for item in value)
        case _:
            return False
