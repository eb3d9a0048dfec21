"""Waiting in tests: poll a condition with a deadline instead of sleeping."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable

POLL_SECONDS = 0.01


async def eventually(condition: Callable[[], bool | Awaitable[bool]], *, within_seconds: float = 10) -> bool:
    """Poll until the condition holds or the time is over; returns whether it held."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        outcome = condition()
        if await outcome if isawaitable(outcome) else outcome:
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False
