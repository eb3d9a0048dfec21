"""Time limits of many attempts on one timer: hardly any is ever reached, so each costs two dictionary operations."""

import asyncio

from wayside.errors import Stop
from wayside.reporting.attempt import Attempt


class Deadlines:
    """Stops attempts that run longer than they may; belongs to the event loop it was made on."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends: dict[Attempt, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, attempt: Attempt, seconds: float) -> None:
        """Begin to count."""
        self._ends[attempt] = end = self._loop.time() + seconds
        if self._timer is None or end < self._timer.when():
            self._set(end)

    def remove(self, attempt: Attempt) -> None:
        """The attempt is over."""
        self._ends.pop(attempt, None)

    def close(self) -> None:
        """Stop nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._ends.clear()

    def _set(self, end: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(end, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        now = self._loop.time()
        for attempt in [attempt for attempt, end in self._ends.items() if end <= now]:
            del self._ends[attempt]
            attempt.stop(Stop.TIMEOUT)
        if self._ends:
            self._set(min(self._ends.values()))
