"""Which attempts have something to say, when it is due, and the batches it travels in; pure, no clock, no I/O."""

from typing import NamedTuple

import orjson

from wayside.reporting.attempt import Attempt
from wayside.reporting.buffer import Report
from wayside.reporting.outcomes import ENDINGS

INTERVAL_SECONDS = 0.08
"""At most one progress report of a job in this time, so that it is seen within 100 ms of the call."""

BATCH_REPORTS = 1_000
HEARTBEATS_PER_LEASE = 3
_NEVER = float("inf")


class Entry(NamedTuple):
    """One report of a batch, as JSON, and whose it is."""

    attempt: Attempt
    kind: str
    payload: bytes

    @classmethod
    def of(cls, attempt: Attempt, report: Report) -> "Entry":
        """Make an entry of a report with identity and number."""
        return cls(attempt, str(report["kind"]), orjson.dumps(report))

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.payload)


class _Voice:
    """When an attempt was last heard, and when it may speak again."""

    __slots__ = ("ended", "heard_at", "not_before", "pause")

    def __init__(self, now: float, pause: float) -> None:
        self.heard_at = now
        self.not_before = now
        self.pause = pause
        self.ended = False

    @property
    def heartbeat_at(self) -> float:
        return self.heard_at + self.pause


class ReportQueue:
    """Everything that granted attempts have to say. Endings are due at once, the rest at most once an interval."""

    def __init__(self, *, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._interval = interval_seconds
        self._voices: dict[Attempt, _Voice] = {}
        self._speaking: dict[Attempt, None] = {}
        self._held: Entry | None = None
        # No heartbeat is due before: being heard only puts them off, so this is looked up anew when it has come.
        self._silence_until = _NEVER

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
        return min((voice.pause for voice in list(self._voices.values())), default=_NEVER)

    def add(self, attempt: Attempt, now: float) -> None:
        """Begin to report for an attempt."""
        voice = _Voice(now, attempt.granted.lease_seconds / HEARTBEATS_PER_LEASE)
        self._voices[attempt] = voice
        self._silence_until = min(self._silence_until, voice.heartbeat_at)
        if not attempt.buffer.is_empty:
            self._speaking[attempt] = None

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
        if self._silence_until <= now:
            self._silence_until = self._next_heartbeat()
        due = min(map(self._due, self._speaking), default=_NEVER)
        due = min(due, self._silence_until)
        return None if due == _NEVER else due

    def next_batch(self, now: float, *, max_bytes: int) -> list[Entry]:
        """Take out what is due, in order, as far as one request holds it; heartbeats for the silent."""
        batch = _Batch(max_bytes)
        if self._held is not None:
            batch.add(self._held)
            self._held = None
        for attempt in [attempt for attempt in self._speaking if self._due(attempt) <= now]:
            if not self._take(attempt, batch, now):
                return batch.entries
        if self._silence_until <= now:
            self._take_heartbeats(batch, now)
        return batch.entries

    def pulse(self) -> list[Entry]:
        """Return a heartbeat for each attempt that has not ended, after what was taken out and did not fit."""
        silent = [attempt for attempt, voice in list(self._voices.items()) if not voice.ended]
        beats = [Entry.of(attempt, attempt.stamp({"kind": "heartbeat"})) for attempt in silent]
        return beats if self._held is None else [self._held, *beats]

    def heard(self, entries: list[Entry], at: float) -> None:
        """Note that the jobs service has answered what was sent at `at`, which extends the leases."""
        for entry in entries:
            if voice := self._voices.get(entry.attempt):
                voice.heard_at = at

    def _take(self, attempt: Attempt, batch: "_Batch", now: float) -> bool:
        voice = self._voices[attempt]
        while (report := attempt.next_report()) is not None:
            entry = Entry.of(attempt, report)
            voice.ended = entry.kind in ENDINGS
            if not batch.fits(entry):
                self._held = entry
                return False
            batch.add(entry)
            if voice.ended:
                break
        del self._speaking[attempt]
        voice.not_before = now + self._interval
        return True

    def _take_heartbeats(self, batch: "_Batch", now: float) -> None:
        speaking = {entry.attempt for entry in batch.entries}
        for attempt, voice in self._voices.items():
            if voice.ended or voice.heartbeat_at > now or attempt in speaking:
                continue
            entry = Entry.of(attempt, attempt.stamp({"kind": "heartbeat"}))
            if not batch.fits(entry):
                self._held = entry
                return
            batch.add(entry)

    def _due(self, attempt: Attempt) -> float:
        return -_NEVER if attempt.buffer.has_ending else self._voices[attempt].not_before

    def _next_heartbeat(self) -> float:
        running = (voice.heartbeat_at for voice in self._voices.values() if not voice.ended)
        return min(running, default=_NEVER)


class _Batch:
    """Entries up to the size of one request."""

    def __init__(self, max_bytes: int) -> None:
        self.entries: list[Entry] = []
        self._room = max_bytes

    def fits(self, entry: Entry) -> bool:
        return not self.entries or (len(self.entries) < BATCH_REPORTS and len(entry.payload) < self._room)

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._room -= len(entry.payload) + 1
