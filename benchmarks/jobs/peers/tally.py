"""What the processes of a peer have in common: what is handled, and how they hear and end; standard library only."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from benchmarks.speech import say

SETTLE_SECONDS = 0.5
"""How long after the last number a repeat may still come, to be counted."""


class Tally:
    """Counts the jobs that a handler is called with; when all numbers have come it says so."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._seen: set[int] = set()
        self._calls = 0
        self._first = 0
        self._last = 0

    def add(self, number: int) -> None:
        """Count one call."""
        now = time.monotonic_ns()
        self._first = self._first or now
        self._calls += 1
        if number not in self._seen:
            self._seen.add(number)
            self._last = now
            if len(self._seen) == self._expected:
                threading.Timer(SETTLE_SECONDS, self._say).start()

    def _say(self) -> None:
        say(handled={"first": self._first, "last": self._last, "calls": self._calls})


def end_with_parent() -> None:
    """End this process, as an operator would, when the parent closes the line."""

    def wait() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


async def create_when_told(create: Callable[[], Awaitable[object]]) -> None:
    """Create all jobs on the parent's word, and say how long that took."""
    say(started=True)
    sys.stdin.readline()
    began = time.monotonic_ns()
    await create()
    say(created={"began": began, "ended": time.monotonic_ns()})


Role = Callable[[str, int], Awaitable[None]]
"""Does its part with the server at an address, for so many jobs."""


def play(roles: Mapping[str, Role], run: Callable[[Any], object] = asyncio.run) -> None:
    """Run the role that the command line names: <role> <address> <count>."""
    role, address, count = sys.argv[1:]
    run(roles[role](address, int(count)))
