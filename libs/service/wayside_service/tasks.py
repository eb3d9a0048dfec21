"""Tasks with an owner: started, and surely ended."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

_PATIENCE_SECONDS = 1.0

log = structlog.get_logger("wayside_service.tasks")


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[asyncio.Task[None]]:
    """Run `work` beside the block, and end it with the block; an error of it is logged when it happens."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_log_failure)
    try:
        yield task
    finally:
        await end(task)


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel `task` until it has ended.

    Once may not be enough: up to Python 3.11 `asyncio.wait_for`, which nats-py uses, loses a cancellation that comes
    together with the answer it waits for.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_PATIENCE_SECONDS)


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("task_failed", task=task.get_name(), exc_info=error)
