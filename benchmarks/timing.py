"""Calls, a few at the same time, and how long each took."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

Call = Callable[[], Awaitable[object]]


async def timings(calls: Sequence[Call], *, clients: int) -> list[float]:
    """Make the calls, so many at the same time; returns how long each took, in milliseconds."""
    waiting = iter(calls)
    taken: list[float] = []

    async def client() -> None:
        for call in waiting:
            began = time.perf_counter()
            await call()
            taken.append((time.perf_counter() - began) * 1_000)

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    return taken
