"""What is sent to clients: a frame is encoded once, and the same bytes go to everybody."""

from collections.abc import Callable, Sequence

from wayside_events.catalogue import PROGRESS_TYPE
from wayside_gateway.streams.place import Known

Encoder = Callable[["Frame"], bytes]
"""Turns a frame into the bytes of one wire format."""


class Frame:
    """One event, or one control message of the gateway, on its way to clients. Never changed.

    `sequence` is the event's place in the stream, or, of a control message, that of the last event before it.
    `cursor` is what the client may resume from once it has the frame; `None` says nothing about it. `revision` is that
    of the entity after the event, or as shown; 0 where it is not known. `retry_ms` tells the client how long to wait
    before it connects again, from now on.
    """

    __slots__ = ("_encoded", "cursor", "data", "entity_id", "name", "retry_ms", "revision", "sequence")

    def __init__(  # noqa: PLR0913 - the fields of a frame, and no hot path pays for grouping them
        self,
        name: str,
        data: bytes,
        *,
        sequence: int = 0,
        cursor: str | None = None,
        entity_id: str = "",
        revision: int = 0,
        retry_ms: int | None = None,
    ) -> None:
        self.name = name
        self.data = data
        self.sequence = sequence
        self.cursor = cursor
        self.entity_id = entity_id
        self.revision = revision
        self.retry_ms = retry_ms
        self._encoded: dict[Encoder, bytes] = {}

    def __repr__(self) -> str:
        return f"<{self.name} {self.entity_id} {self.sequence}>"

    @property
    def is_superseded_by_newer(self) -> bool:
        """Whether a newer frame of the same name and entity says all that this one says."""
        return self.name == PROGRESS_TYPE

    def is_contained_in(self, known: Known) -> bool:
        """Whether the known state of an entity shows what this event did to it."""
        return self.entity_id == known.entity_id and 0 < self.revision <= known.revision

    def reaches(self, known: Known) -> bool:
        """Whether no later event is contained in the known state: revisions rise."""
        return self.entity_id == known.entity_id and self.revision >= known.revision

    def encoded(self, encoder: Encoder) -> bytes:
        """Return the frame's bytes, the same object each time."""
        data = self._encoded.get(encoder)
        if data is None:
            data = self._encoded[encoder] = encoder(self)
        return data


class Batch:
    """Frames in order that go out in one write, joined once for all clients of one encoder.

    With `is_last`, the stream of whoever gets it is complete.
    """

    __slots__ = ("_joined", "first", "frames", "is_last", "last")

    def __init__(self, frames: Sequence[Frame], *, is_last: bool = False) -> None:
        self.frames = frames
        self.is_last = is_last
        self.first = frames[0].sequence
        self.last = frames[-1].sequence
        self._joined: dict[Encoder, bytes] = {}

    def encoded(self, encoder: Encoder) -> bytes:
        """Return the bytes of all frames."""
        data = self._joined.get(encoder)
        if data is None:
            data = b"".join([frame.encoded(encoder) for frame in self.frames])
            self._joined[encoder] = data
        return data
