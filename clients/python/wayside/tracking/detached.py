"""Operations of web handlers that go on when the client leaves and the framework cancels the handler."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, TypeVar, Unpack

from wayside.tracking.record import TrackedJob, TrackOptions
from wayside.tracking.track import Tracking, track
from wayside.tracking.tracker import Tracker, default_tracker
from wayside.tracking.visits import Visit

logger = logging.getLogger("wayside.tracking")

T = TypeVar("T")

END_SECONDS = 5.0
"""How long operations that were cancelled may clean up."""

CANCEL_AGAIN_SECONDS = 1.0


async def run_tracked(  # noqa: PLR0913 - all but two by name
    operation: Callable[[TrackedJob], Awaitable[T]],
    job_type: str,
    *,
    scope: str,
    input: object = None,  # noqa: A002 - the name it has everywhere
    created_by: str | None = None,
    required: bool = False,
    tracker: Tracker | None = None,
    **options: Unpack[TrackOptions],
) -> T:
    """Run `operation(job)` as a tracked job in a task of its own, and wait for what it returns.

    When whoever waits is cancelled, as web frameworks do with a handler whose client has left, the operation and its job
    go on. What it returns is the job's result, unless it sets another one. A cancel of the job is raised inside, and
    `JobCanceled` here; see `track` for everything else. Await `finish_tracked` before the event loop ends.

    A process runs at most `TrackerSettings.detached_limit` operations in this way; more run as part of their caller.
    """
    tracker = tracker or default_tracker()
    tracking = track(
        job_type,
        scope=scope,
        input=input,
        created_by=created_by,
        required=required,
        tracker=tracker,
        **options,
    )
    running = _run(operation, tracking)
    if _is_full(tracker):
        logger.warning("%d operations run already; this one ends with its caller", len(tracker.operations))
        return await running
    task = asyncio.create_task(running, name=f"tracked-{job_type}")
    _keep(task, [tracker])
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            _leave_alone(task)
        raise


async def attend(handling: Coroutine[Any, Any, T], visit: Visit, *, name: str) -> T:
    """Handle a request in a task of its own, and wait for what it returns.

    When whoever waits is cancelled, the handling is, too, unless an operation is open in it: then it goes on alone.
    """
    task = visit.start(handling, name=name)
    cancel_again_at = 0.0
    while True:
        try:
            value: T = await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                raise
            if visit.is_open and not any(map(_is_full, visit.trackers)):
                visit.is_left = True
                _keep(task, visit.trackers)
                _leave_alone(task)
                raise
            # Scopes of anyio cancel at every turn of the loop, which what shields its cleaning up in there cannot see.
            now = asyncio.get_running_loop().time()
            if now >= cancel_again_at:
                cancel_again_at = now + CANCEL_AGAIN_SECONDS
                task.cancel()
        else:
            return value


async def finish_tracked(grace_seconds: float = 30.0, *, tracker: Tracker | None = None) -> None:
    """Wait for the operations of this event loop that go on alone, or may do so; when the grace is over, cancel them.

    Call it where the application shuts down, after it stopped taking requests.
    """
    tracker = tracker or default_tracker()
    loop = asyncio.get_running_loop()
    tasks = {task for task in list(tracker.operations) if task.get_loop() is loop}
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=grace_seconds)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=END_SECONDS)


async def _run(operation: Callable[[TrackedJob], Awaitable[T]], tracking: Tracking) -> T:
    async with tracking as job:
        value = await operation(job)
        job.result = value if job.result is None else job.result
        return value


def _is_full(tracker: Tracker) -> bool:
    return len(tracker.operations) >= tracker.settings.detached_limit


def _keep(task: "asyncio.Task[Any]", trackers: Collection[Tracker]) -> None:
    for tracker in trackers:
        tracker.operations.add(task)
        task.add_done_callback(tracker.operations.discard)


def _leave_alone(task: "asyncio.Task[Any]") -> None:
    logger.info("nobody waits for %s any more; it goes on", task.get_name())
    task.add_done_callback(_on_end_alone)


def _on_end_alone(task: "asyncio.Task[object]") -> None:
    """Nobody sees the exception of an operation whose caller has left, except on its job."""
    if not task.cancelled() and (error := task.exception()):
        logger.warning("%s failed after its caller had left", task.get_name(), exc_info=error)
