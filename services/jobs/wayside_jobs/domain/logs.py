"""The log of a job: what one entry, and what all together, may be."""

from typing import Final, NamedTuple

import orjson
from pydantic import JsonValue

from wayside_events.contracts.jobs import LOG_MESSAGE_LIMIT
from wayside_jobs.domain.errors import ValueTooLarge
from wayside_jobs.domain.values import DETAILS_LIMIT_BYTES, Json, json_text

_STEPS: Final = 10


class LogBounds(NamedTuple):
    """The newest entries that a log keeps at least, as far as they have no more than so many bytes.

    Bytes are those of messages and contexts. A log grows a tenth beyond a bound before its oldest entries are dropped
    down to it: to know which, the whole log is read.
    """

    entries: int
    bytes: int

    def are_exceeded_by(self, entries: int, size: int) -> bool:
        """Whether a log with so many entries and bytes is to be cut."""
        return entries > self.entries + self.entries // _STEPS or size > self.bytes + self.bytes // _STEPS


def cut_message(message: str) -> str:
    """Return a message that is at most as long as one may be, and says so when it was longer."""
    if len(message) <= LOG_MESSAGE_LIMIT:
        return message
    note = f"… (cut: {len(message)} characters)"
    return message[: LOG_MESSAGE_LIMIT - len(note)] + note


def context_text(context: dict[str, JsonValue], field: str) -> Json:
    """Encode the context of an entry; one that is too large is replaced by a note. Raises `InvalidValue`."""
    try:
        return json_text(context, field, DETAILS_LIMIT_BYTES)
    except ValueTooLarge as error:
        return Json(orjson.dumps({"cut": error.message}).decode())
