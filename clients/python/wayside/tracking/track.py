"""`track`: a record beside an operation of one's own, which goes on as before."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from contextvars import Token
from types import TracebackType
from typing import ParamSpec, TypeVar, Unpack, cast

from wayside.current import enter, leave
from wayside.progress import Operation
from wayside.tracking.blocks import TaskBlock, ThreadBlock
from wayside.tracking.record import Plan, SyncTrackedJob, TrackedJob, TrackOptions, Wanted
from wayside.tracking.tracker import Tracker, default_tracker

P = ParamSpec("P")
T = TypeVar("T")


def track(
    job_type: str,
    *,
    scope: str,
    input: object = None,  # noqa: A002 - the name it has everywhere
    created_by: str | None = None,
    required: bool = False,
    tracker: Tracker | None = None,
    **options: Unpack[TrackOptions],
) -> "Tracking":
    """Track the block of an `async with` or a `with`, or each call of the function it decorates, as a job.

    The operation runs in your task or thread as it always did. Its end completes the job, an exception fails it and goes
    on to you. A process that dies is noticed by its lease. When a user cancels the job, then in an `async with`
    `asyncio.CancelledError` is raised at your next `await`, and `JobCanceled` leaves the block; in a `with` `JobCanceled` is
    raised when the block next calls `job.progress`, `job.log` or `job.check`.

    As a decorator it makes what the function returns the job's result; `current_job()` is the job inside.

    Wayside is a safety net here, never the thing to trip over: while it cannot be reached the block runs all the same,
    its record is made as soon as possible, also after the end, and `job.id` is `None` until then. What Wayside does not
    accept is logged. With `required` either raises instead. Raises `AlreadyTracked` when an operation with the same
    `unique_key` runs.
    """
    wanted = Wanted(job_type=job_type, scope=scope, input=input, created_by=created_by, options=options)
    return Tracking(Plan(tracker or default_tracker(), wanted, required))


class Tracking:
    """What `track` returns: good for one block, or as a decorator for any number of calls."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._task_block: TaskBlock | None = None
        self._thread_block: ThreadBlock | None = None
        self._token: Token[Operation | None] | None = None

    async def __aenter__(self) -> TrackedJob:
        self._task_block = block = TaskBlock(self._plan)
        await block.begin()
        self._token = enter(block.job)
        return block.job

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task_block is not None
        self._leave()
        await self._task_block.end(error)

    def __enter__(self) -> SyncTrackedJob:
        self._thread_block = block = ThreadBlock(self._plan)
        block.begin()
        self._token = enter(block.job)
        return cast("SyncTrackedJob", block.job)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._thread_block is not None
        self._leave()
        self._thread_block.end(error)

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Track each call of a function, asynchronous or not."""
        if inspect.iscoroutinefunction(function):
            return cast("Callable[P, T]", self._asynchronous(function))

        @functools.wraps(function)
        def tracked(*args: P.args, **kwargs: P.kwargs) -> T:
            with Tracking(self._plan) as job:
                value = function(*args, **kwargs)
                job.result = value if job.result is None else job.result
                return value

        return tracked

    def _asynchronous(self, function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        @functools.wraps(function)
        async def tracked(*args: P.args, **kwargs: P.kwargs) -> T:
            async with Tracking(self._plan) as job:
                value = await function(*args, **kwargs)
                job.result = value if job.result is None else job.result
                return value

        return tracked

    def _leave(self) -> None:
        if self._token is not None:
            leave(self._token)
