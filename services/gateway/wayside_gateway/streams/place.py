"""Where a client is in the events it follows: what the ids of its frames say."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from wayside_events.cursor import Cursor, InvalidCursor

_PLACE = re.compile(r"(.*)~([1-9][0-9]{0,17})")


class Known(NamedTuple):
    """The state of an entity that a client has: as it was after the event of `revision`."""

    entity_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class Place:
    """After `cursor`; on the stream of one job also after `revision` of that job, where it is not 0.

    Written `<epoch>-<sequence>`, or `<epoch>-<sequence>~<revision>` after a snapshot: that is newer than its cursor,
    so that events the client knows may still follow it.
    """

    cursor: Cursor
    revision: int = 0

    def __str__(self) -> str:
        return f"{self.cursor}~{self.revision}" if self.revision else str(self.cursor)

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read what `str` writes; raises `InvalidCursor`."""
        match = _PLACE.fullmatch(text)
        try:
            return cls(Cursor.parse(match[1]), int(match[2])) if match else cls(Cursor.parse(text))
        except InvalidCursor:
            raise InvalidCursor(text) from None
