"""The subscriber process: receives every job event of the scope over the bus, and keeps it as it came.

Told {await_completed: n} it answers when so many completions have come in all; told {dump: path} it writes what it
has received, one line each (see `Received`), and forgets it. `subscriber count` keeps only the numbers.
"""

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.speech import orders, say
from benchmarks.system import SCOPE
from wayside.settings import nats_settings
from wayside_events.bus import Bus, StoredMessage
from wayside_events.bus.messages import MESSAGE_ID_HEADER
from wayside_events.jobs import JobCompleted
from wayside_events.subjects import EventFilter

COMPLETED = JobCompleted.event_type() + "."


class Subscriber:
    """Counts, and keeps unless told otherwise."""

    def __init__(self, *, keeps: bool) -> None:
        self._keeps = keeps
        self._kept: list[tuple[int, StoredMessage]] = []
        self._completed = 0
        self._awaited = 0
        self.gaps = 0
        self.counts: Counter[str] = Counter()
        self._first: dict[str, int] = {}

    def deliver(self, message: StoredMessage) -> None:
        """Take one event."""
        now = time.monotonic_ns()
        if self._keeps:
            self._kept.append((now, message))
        else:
            self.counts[message.subject.rsplit(".", 2)[0]] += 1
        if message.subject.startswith(COMPLETED):
            self._completed += 1
            if self._completed == self._awaited:
                say(completed=now)

    def gap(self) -> None:
        """Note that something may have been missed."""
        self.gaps += 1

    def obey(self, order: dict[str, Any]) -> None:
        """Do what the parent says."""
        if "await_completed" in order:
            self._awaited = self._completed + order["await_completed"]
        elif "dump" in order:
            with Path(order["dump"]).open("wb") as file:
                file.writelines(map(_line, self._kept))
            self._kept.clear()
            say(dumped={"gaps": self.gaps})
        else:
            say(counted={"gaps": self.gaps, "counts": dict(self.counts)})
            self.counts.clear()


def _line(received: tuple[int, StoredMessage]) -> bytes:
    at, message = received
    head = f"{at}\t{message.sequence}\t{message.subject}\t{message.headers.get(MESSAGE_ID_HEADER)}\t"
    return head.encode() + message.payload + b"\n"


async def main() -> None:
    """Receive until the parent closes the line."""
    subscriber = Subscriber(keeps="count" not in sys.argv[1:])
    async with Bus.connected(nats_settings(name="subscriber")) as bus:
        await bus.live(EventFilter(("analysis.job.*",), SCOPE), subscriber.deliver, subscriber.gap)
        say(started=True)
        async for order in orders():
            subscriber.obey(order)


if __name__ == "__main__":
    asyncio.run(main())
