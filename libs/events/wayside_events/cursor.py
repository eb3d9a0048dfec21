"""A cursor: one position in the history of all events, safe across re-creation of the stream."""

import re
from dataclasses import dataclass
from datetime import datetime

_CURSOR = re.compile(r"([0-9a-f]{1,16})-(0|[1-9][0-9]{0,18})")


class InvalidCursor(ValueError):
    """A text is not a cursor."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text[:80]!r} is not a cursor of the form <epoch>-<sequence>")
        self.text = text


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in one life of the event stream, written `<epoch>-<sequence>`.

    `epoch` identifies the stream's creation: a stream that was created anew never looks like a continuation.
    `sequence` is the stream sequence of the last event seen; 0 is before the first.
    """

    epoch: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read `<epoch>-<sequence>`; raises `InvalidCursor`."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise InvalidCursor(text)
        return cls(match[1], int(match[2]))

    def at(self, sequence: int) -> "Cursor":
        """Return the position `sequence` in the same epoch."""
        return Cursor(self.epoch, sequence)


def epoch_of(created: datetime) -> str:
    """Return the epoch of a stream created at `created`: microseconds since 1970, in hexadecimal."""
    return f"{int(created.timestamp() * 1_000_000):x}"
