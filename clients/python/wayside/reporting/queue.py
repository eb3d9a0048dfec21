"""Which attempts have something to say, when it is due, and the batches it travels in; pure, no clock, no I/O."""

from typing import NamedTuple

from wayside.reporting.attempt import Attempt
from wayside.reporting.buffer import Report
from wayside.reporting.encoding import size_of
from wayside.reporting.outcomes import ENDINGS

INTERVAL_SECONDS = 0.08
"""At most one progress report of a job in this time, so that it is seen within 100 ms of the call."""

BATCH_REPORTS = 1_000
HEARTBEATS_PER_LEASE = 3


class Entry(NamedTuple):
    """One report of a batch, whose it is, and its size as JSON."""

    attempt: Attempt
    report: Report
    size: int

    @classmethod
    def of(cls, attempt: Attempt, report: Report) -> "Entry":
        """Make an entry."""
        return cls(attempt, report, size_of(report))

    @property
    def kind(self) -> str:
        """The kind of report."""
        return str(self.report["kind"])


class _Voice:
    """When an attempt was last heard, and when it may speak again."""

    __slots__ = ("ended", "heard_at", "not_before")

    def __init__(self, now: float) -> None:
        self.heard_at = now
        self.not_before = now
        self.ended = False


class ReportQueue:
    """Everything that attempts have to say. Endings are due at once, the rest at most once an interval."""

    def __init__(self, *, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._interval = interval_seconds
        self._voices: dict[Attempt, _Voice] = {}
        self._speaking: dict[Attempt, None] = {}
        self._held: Entry | None = None

    def __len__(self) -> int:
        return len(self._voices)

    def __contains__(self, attempt: Attempt) -> bool:
        return attempt in self._voices

    @property
    def backlog(self) -> int:
        """How many attempts have ended without the jobs service knowing it."""
        return sum(voice.ended or attempt.buffer.has_ending for attempt, voice in self._voices.items())

    @property
    def heartbeat_seconds(self) -> float:
        """How often the attempt with the shortest lease has to be heard of."""
        leases = [attempt.granted.lease_seconds for attempt in self._voices if attempt.assignment]
        return min(leases, default=float("inf")) / HEARTBEATS_PER_LEASE

    def add(self, attempt: Attempt, now: float) -> None:
        """Begin to report for an attempt."""
        self._voices[attempt] = _Voice(now)
        if not attempt.buffer.is_empty:
            self.mark(attempt)

    def remove(self, attempt: Attempt) -> None:
        """Report nothing more for an attempt."""
        self._voices.pop(attempt, None)
        self._speaking.pop(attempt, None)
        if self._held is not None and self._held.attempt is attempt:
            self._held = None

    def mark(self, attempt: Attempt) -> None:
        """Note that an attempt has something to say; unknown ones are ignored."""
        if attempt in self._voices:
            self._speaking[attempt] = None

    def due_at(self, now: float) -> float | None:
        """When the next batch is due; `None` when nobody has anything to say and nothing runs."""
        if self._held is not None:
            return now
        moments = [self._due(attempt) for attempt in self._speaking if attempt.assignment is not None]
        moments += [self._heartbeat_at(attempt) for attempt in self._voices if self._is_running(attempt)]
        return min(moments, default=None)

    def next_batch(self, now: float, *, max_bytes: int) -> list[Entry]:
        """Take out what is due, in order, as far as one request holds it; heartbeats for the silent."""
        batch = _Batch(max_bytes)
        if self._held is not None:
            batch.add(self._held)
            self._held = None
        for attempt in [attempt for attempt in self._speaking if self._is_due(attempt, now)]:
            if not self._take(attempt, batch, now):
                return batch.entries
        self._take_heartbeats(batch, now)
        return batch.entries

    def heard(self, entries: list[Entry], at: float) -> None:
        """Note that the jobs service has answered what was sent at `at`, which extends the leases."""
        for entry in entries:
            if voice := self._voices.get(entry.attempt):
                voice.heard_at = at

    def _take(self, attempt: Attempt, batch: "_Batch", now: float) -> bool:
        voice = self._voices[attempt]
        while (report := attempt.next_report()) is not None:
            entry = Entry.of(attempt, report)
            voice.ended = voice.ended or entry.kind in ENDINGS
            if not batch.fits(entry):
                self._held = entry
                return False
            batch.add(entry)
        self._speaking.pop(attempt, None)
        voice.not_before = now + self._interval
        return True

    def _take_heartbeats(self, batch: "_Batch", now: float) -> None:
        speaking = {entry.attempt for entry in batch.entries}
        for attempt in self._voices:
            if attempt in speaking or not self._is_running(attempt) or self._heartbeat_at(attempt) > now:
                continue
            entry = Entry.of(attempt, attempt.stamp({"kind": "heartbeat"}))
            if not batch.fits(entry):
                self._held = entry
                return
            batch.add(entry)

    def _is_due(self, attempt: Attempt, now: float) -> bool:
        return attempt.assignment is not None and self._due(attempt) <= now

    def _due(self, attempt: Attempt) -> float:
        return float("-inf") if attempt.buffer.has_ending else self._voices[attempt].not_before

    def _is_running(self, attempt: Attempt) -> bool:
        return attempt.assignment is not None and not self._voices[attempt].ended

    def _heartbeat_at(self, attempt: Attempt) -> float:
        return self._voices[attempt].heard_at + attempt.granted.lease_seconds / HEARTBEATS_PER_LEASE


class _Batch:
    """Entries up to the size of one request."""

    def __init__(self, max_bytes: int) -> None:
        self.entries: list[Entry] = []
        self._room = max_bytes

    def fits(self, entry: Entry) -> bool:
        return not self.entries or (len(self.entries) < BATCH_REPORTS and entry.size < self._room)

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._room -= entry.size + 1
