"""Values as JSON within the limits of the contract: what a handler says never makes its report invalid."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, JsonValue, TypeAdapter
from pydantic_core import PydanticSerializationError

from wayside_events.contracts.jobs import LOG_MESSAGE_LIMIT, PAYLOAD_LIMIT_BYTES
from wayside_events.jobs import LogLevel

_TEXT_LIMITS = {"phase": 200, "step": 200, "unit": 50, "message": 2_000}
_CONTEXT_LIMIT_BYTES = 16 * 1024
_PLAIN_TYPES = (str, int, bool, float)
_LONG_NUMBER = re.compile(rb"[0-9]{20}")
_LENIENT = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


class NotJson(ValueError):
    """A value cannot be encoded as JSON; the message says why."""


class TooLarge(ValueError):
    """A value has more bytes as JSON than the limit."""

    def __init__(self, what: str, size: int, limit: int) -> None:
        super().__init__(f"the {what} has {size:,} bytes as JSON; the limit is {limit:,}")
        self.size = size
        self.limit = limit


class LogLine(NamedTuple):
    """One log entry on its way: as cheap to make as a tuple. `size` is about how many bytes it has."""

    time: datetime
    level: LogLevel
    message: str
    context: dict[str, JsonValue]
    size: int

    def to_json(self) -> dict[str, JsonValue]:
        """The entry in the contract's shape."""
        return {
            "time": self.time.isoformat(),
            "level": self.level.value,
            "message": self.message,
            "context": self.context,
        }


def log_line(level: LogLevel, message: str, context: dict[str, Any]) -> LogLine:
    """Note the time and freeze the context: plain values stay, others become JSON, or else text."""
    text = clip(_shown(message), LOG_MESSAGE_LIMIT)
    frozen, size = _frozen(context) if context else ({}, 0)
    return LogLine(datetime.now(UTC), level, text, frozen, len(text) + size)


def json_value(
    value: object, what: str, adapter: TypeAdapter[Any] = _ANYTHING, *, limit: int = PAYLOAD_LIMIT_BYTES
) -> JsonValue:
    """Return `value` as plain JSON values; raises `NotJson` or `TooLarge`, which name `what` it is."""
    try:
        payload = adapter.dump_json(value, warnings="none")
        decoded: JsonValue = None if len(payload) > limit else _exact(payload)
        orjson.dumps(decoded)  # which takes less depth than it reads
    except (PydanticSerializationError, RecursionError, ValueError, orjson.JSONEncodeError) as error:
        msg = f"the {what}, a {type(value).__name__}, cannot be encoded as JSON: {error}"
        raise NotJson(msg) from error
    if len(payload) > limit:
        raise TooLarge(what, len(payload), limit)
    return decoded


def progress_json(fields: dict[str, Any]) -> dict[str, JsonValue]:
    """The progress in the contract's shape: texts clipped, numbers finite, and what is neither left out."""
    encoded = {name: _field(name, value) for name, value in fields.items()}
    return {name: value for name, value in encoded.items() if value is not None}


def clip(text: str, limit: int) -> str:
    """Shorten a text to `limit` characters, and show that.

    What UTF-8 cannot encode becomes a question mark, and NUL, which PostgreSQL cannot hold, a replacement character.
    """
    text = text if text.isascii() else text.encode(errors="replace").decode()
    text = text.replace("\0", "\ufffd")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def size_of(report: dict[str, JsonValue]) -> int:
    """How many bytes a report has as JSON."""
    return len(orjson.dumps(report))


def _exact(payload: bytes) -> Any:  # noqa: ANN401 - JSON
    """Read JSON with every integer as it is; orjson takes the nearest float for one of more than 64 bits."""
    return json.loads(payload) if _LONG_NUMBER.search(payload) else orjson.loads(payload)


def _field(name: str, value: Any) -> JsonValue:  # noqa: ANN401 - whatever a handler passed
    if name in _TEXT_LIMITS:
        return clip(_shown(value), _TEXT_LIMITS[name])
    try:
        number = float(value)
    except Exception:  # noqa: BLE001 - a value of the user's, whose own code may fail in any way
        return None
    if not math.isfinite(number):
        return None
    match name:
        case "percent":
            return min(max(number, 0.0), 100.0)
        case "total":
            return max(number, 0.0)
        case _:
            return number


def plain(context: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Return a mapping as JSON values, whatever is in it; one that cannot be sent is replaced by the reason."""
    return _frozen(context)[0]


def _frozen(context: Mapping[str, Any]) -> tuple[dict[str, JsonValue], int]:
    """The mapping as JSON values, and its size."""
    try:
        payload = orjson.dumps(dict(context), default=_as_text, option=_LENIENT)
    except orjson.JSONEncodeError as error:
        return {"left_out": clip(str(error), 1_000)}, 100
    size = len(payload)
    if size > _CONTEXT_LIMIT_BYTES:
        return {"left_out": f"{size} bytes"}, 100
    if b"\\u0000" in payload:
        payload = payload.replace(b"\\u0000", b"\\ufffd")
    elif all(type(key) is str and type(value) in _PLAIN_TYPES for key, value in context.items()):
        return dict(context), size
    decoded: dict[str, JsonValue] = orjson.loads(payload)
    return decoded, size


def _shown(value: object) -> str:
    """The value as text, whatever its own code does when it is asked for that."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a value of the user's, whose own code failed
        return f"({type(value).__name__} that cannot be shown)"


def _as_text(value: object) -> JsonValue:
    if isinstance(value, BaseModel):
        dumped: JsonValue = value.model_dump(mode="json")
        return dumped
    return clip(str(value), 1_000)
