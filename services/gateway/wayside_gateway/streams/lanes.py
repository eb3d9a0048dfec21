"""What waits for one client that reads more slowly than events arrive."""

from collections import OrderedDict, deque
from dataclasses import dataclass

from wayside_gateway.streams.frame import Frame


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How much may wait for one client: bytes in all, and frames that nothing newer supersedes."""

    max_frames: int = 2_000
    max_bytes: int = 4 * 1024 * 1024


class Lanes:
    """Two lanes: of progress the latest per job, everything else in order.

    Frames leave in the order of their sequence over both lanes. So a client that has a frame has everything
    before it, except progress that a later frame supersedes: its cursor never skips what it has not got.
    """

    __slots__ = ("_bytes", "_limits", "_ordered", "_progress", "conflated")

    def __init__(self, limits: LaneLimits) -> None:
        self._limits = limits
        self._progress: OrderedDict[str, Frame] = OrderedDict()
        self._ordered: deque[Frame] = deque()
        self._bytes = 0
        self.conflated = 0

    def __bool__(self) -> bool:
        return bool(self._ordered or self._progress)

    @property
    def is_over_limit(self) -> bool:
        """Whether more waits than may."""
        return len(self._ordered) > self._limits.max_frames or self._bytes > self._limits.max_bytes

    def add(self, frame: Frame) -> None:
        """Append a frame; its sequence is not before that of any frame added earlier."""
        self._bytes += len(frame.data)
        if not frame.is_superseded_by_newer:
            self._ordered.append(frame)
            return
        old = self._progress.pop(frame.entity_id, None)
        if old is not None:
            self._bytes -= len(old.data)
            self.conflated += 1
        self._progress[frame.entity_id] = frame

    def take(self, max_bytes: int) -> list[Frame]:
        """Remove and return the next frames in order, at least one, until they have `max_bytes`."""
        taken: list[Frame] = []
        size = 0
        while (self._ordered or self._progress) and size < max_bytes:
            frame = self._next()
            size += len(frame.data)
            taken.append(frame)
        self._bytes -= size
        return taken

    def _next(self) -> Frame:
        if not self._progress:
            return self._ordered.popleft()
        if not self._ordered:
            return self._progress.popitem(last=False)[1]
        oldest = next(iter(self._progress.values()))
        # A control frame has the sequence of the last event before it, so a tie is for the event.
        if oldest.sequence <= self._ordered[0].sequence:
            return self._progress.popitem(last=False)[1]
        return self._ordered.popleft()
