"""An event loop of one's own that ends in bounded time, whatever runs in it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

END_SECONDS = 1.0


def run(main: Coroutine[Any, Any, None], *, end_seconds: float = END_SECONDS) -> None:
    """Run `main`, then cancel what it left behind and wait for that, at most `end_seconds`.

    `asyncio.run` would wait for ever for a handler that heeds no cancel, and for a thread of the loop's executor.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main)
    finally:
        _end(loop, end_seconds)
        asyncio.set_event_loop(None)
        loop.close()


def _end(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=seconds))
    loop.run_until_complete(loop.shutdown_asyncgens())
