"""The database's time, without asking for it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

MAX_AGE_SECONDS = 5.0
"""How long the time that passes here is trusted; two clocks drift apart by less than a millisecond in that."""

_EVER: Final = datetime.min.replace(tzinfo=UTC)


class Clock:
    """What the database's clock said last, and the time that has passed here since: never later than its own time."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._heard: datetime | None = None
        self._heard_at = 0.0
        self._said = _EVER

    def hear(self, moment: datetime) -> None:
        """Take the time that the database has just told."""
        self._heard, self._heard_at = moment, self._monotonic()

    def forget(self) -> None:
        """Ask again: another database may answer next."""
        self._heard, self._said = None, _EVER

    def now(self) -> datetime | None:
        """Return the time, which goes back only after `forget`; `None` when it has to be asked for."""
        passed = self._monotonic() - self._heard_at
        if self._heard is None or passed > MAX_AGE_SECONDS:
            return None
        self._said = max(self._said, self._heard + timedelta(seconds=passed))
        return self._said
