"""What an event stream has shown, and whether anything was missing, doubled or out of order."""

from collections import Counter
from collections.abc import Mapping

from wayside_events.catalogue import PROGRESS_TYPE, AnyEvent
from wayside_events.identifiers import EntityId

FLAWS_KEPT = 20


class Ledger:
    """Takes every event of a stream; `flaws` says what should not have happened.

    The revisions of one entity must come each once and in order. Only progress may be missing, and only where newer
    progress comes instead: it supersedes what it skips.
    """

    def __init__(self) -> None:
        self.flaws: list[str] = []
        self.by_type: Counter[str] = Counter()
        self._first: dict[EntityId, int] = {}
        self._revisions: dict[EntityId, int] = {}

    @property
    def events_seen(self) -> int:
        """How many events were taken."""
        return self.by_type.total()

    @property
    def first_revisions(self) -> Mapping[EntityId, int]:
        """The revision that every job, suggestion and edge was first seen at."""
        return self._first

    @property
    def revisions(self) -> Mapping[EntityId, int]:
        """The newest revision seen of every job, suggestion and edge."""
        return self._revisions

    def take(self, event: AnyEvent) -> None:
        """Count an event and compare its revision with the one before."""
        self.by_type[event.type] += 1
        before = self._revisions.get(event.subject)
        if before is not None:
            self._compare(event, before)
        self._first.setdefault(event.subject, event.revision)
        self._revisions[event.subject] = max(event.revision, before or 0)

    def _compare(self, event: AnyEvent, before: int) -> None:
        if event.revision == before:
            self._flaw(f"{event.type} {event.id} came twice")
        elif event.revision < before:
            self._flaw(f"{event.type} {event.id} came after revision {before}")
        elif event.revision > before + 1 and event.type != PROGRESS_TYPE:
            self._flaw(f"{event.type} {event.id} came straight after revision {before}")

    def _flaw(self, sentence: str) -> None:
        if len(self.flaws) < FLAWS_KEPT:
            self.flaws.append(sentence)
