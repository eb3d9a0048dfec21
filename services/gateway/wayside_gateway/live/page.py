"""Events as pages of JSON, for clients that cannot stream."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from wayside_events.cursor import Cursor
from wayside_gateway.streams.control import ResetReason
from wayside_gateway.streams.frame import Frame


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events after a cursor, and the cursor after them. With `reset`, state has to be fetched again first."""

    events: Sequence[Frame]
    cursor: Cursor
    more: bool = False
    reset: ResetReason | None = None

    def to_json(self) -> bytes:
        """Encode, the events as they are stored."""
        rest = orjson.dumps({"cursor": str(self.cursor), "more": self.more, "reset": self.reset})
        return b'{"events":[%b],%b' % (b",".join(frame.data for frame in self.events), rest[1:])
