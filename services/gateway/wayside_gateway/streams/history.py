"""The most recent events of a scope, so that a short absence costs no read of the stream."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from wayside_gateway.streams.frame import Frame


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """How much is kept per scope."""

    max_frames: int = 1_000
    max_bytes: int = 2 * 1024 * 1024


class History:
    """Every event of the scope with a sequence above `start`, as far as the feed has come."""

    def __init__(self, limits: HistoryLimits, start: int = 0) -> None:
        self._limits = limits
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._bytes = 0
        self.start = start

    def __contains__(self, sequence: int) -> bool:
        return sequence in self._frames

    def append(self, frame: Frame) -> None:
        """Add the newest event and let go of the oldest ones over the limits."""
        self._frames[frame.sequence] = frame
        self._bytes += len(frame.data)
        while len(self._frames) > self._limits.max_frames or self._bytes > self._limits.max_bytes:
            self.start, oldest = self._frames.popitem(last=False)
            self._bytes -= len(oldest.data)

    @property
    def room(self) -> int:
        """How many more events fit without letting go of older ones."""
        return self._limits.max_frames - len(self._frames)

    def extend_back(self, frames: Sequence[Frame], *, after: int, upto: int) -> None:
        """Put in all events after one sequence up to another, which was the start when they were read.

        Ignored when it is no longer, and when there is no room.
        """
        size = sum(len(frame.data) for frame in frames)
        if upto != self.start or len(frames) > self.room or self._bytes + size > self._limits.max_bytes:
            return
        for frame in reversed(frames):
            self._frames[frame.sequence] = frame
            self._frames.move_to_end(frame.sequence, last=False)
        self._bytes += size
        self.start = after

    def after(self, sequence: int) -> list[Frame] | None:
        """Return all events after `sequence`, in order; `None` when they are not all kept."""
        if sequence < self.start:
            return None
        newer: list[Frame] = []
        for frame in reversed(self._frames.values()):
            if frame.sequence <= sequence:
                break
            newer.append(frame)
        newer.reverse()
        return newer
