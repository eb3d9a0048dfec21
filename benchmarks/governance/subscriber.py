"""The subscriber process: receives every event of the scope's suggestions and edges over the bus, and counts each.

Told {await: type, count: n} it answers when so many more of a type have come. Told {tally: true} it answers how many
came by type, how many came twice, and how often the subscription may have missed one, and forgets them.
"""

import asyncio
import time
from collections import Counter
from typing import Any

from benchmarks.speech import orders, say
from benchmarks.system import SCOPE
from wayside.settings import nats_settings
from wayside_events.bus import Bus, StoredMessage
from wayside_events.bus.messages import MESSAGE_ID_HEADER
from wayside_events.subjects import EventFilter


class Subscriber:
    """Counts events, each by its id."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()
        self._counts: Counter[str] = Counter()
        self._repeats = 0
        self._gaps = 0
        self._awaited: tuple[str, int] = ("", 0)

    def deliver(self, message: StoredMessage) -> None:
        """Take one event."""
        event_type = message.subject.rsplit(".", 2)[0]
        identity = (event_type, message.headers[MESSAGE_ID_HEADER])
        if identity in self._seen:
            self._repeats += 1
            return
        self._seen.add(identity)
        self._counts[event_type] += 1
        if (event_type, self._counts[event_type]) == self._awaited:
            say(reached=time.monotonic_ns())

    def gap(self) -> None:
        """Note that something may have been missed."""
        self._gaps += 1

    def obey(self, order: dict[str, Any]) -> None:
        """Do what the parent says."""
        if "await" in order:
            wanted = self._counts[order["await"]] + order["count"]
            self._awaited = (order["await"], wanted)
            return
        say(tallied={"counts": dict(self._counts), "repeats": self._repeats, "gaps": self._gaps})
        self._seen.clear()
        self._counts.clear()
        self._repeats = self._gaps = 0


async def main() -> None:
    """Receive until the parent closes the line."""
    subscriber = Subscriber()
    async with Bus.connected(nats_settings(name="subscriber")) as bus:
        types = ("edges.suggestion.*", "edges.edge.*")
        await bus.live(EventFilter(types, SCOPE), subscriber.deliver, subscriber.gap)
        say(started=True)
        async for order in orders():
            subscriber.obey(order)


if __name__ == "__main__":
    asyncio.run(main())
