"""`track`: a record beside an operation of one's own, which goes on as before."""

import asyncio
import concurrent.futures
import contextlib
import logging
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TypedDict, Unpack
from uuid import uuid4

from wayside.errors import AlreadyTracked, JobCanceled, Stop, Unavailable
from wayside.progress import Operation
from wayside.reporting.attempt import Attempt
from wayside.reporting.encoding import NotJson, TooLarge, json_value
from wayside.tracking.tracker import Tracker, default_tracker
from wayside.worker.conclusion import failure, traceback_of
from wayside_events.contracts.jobs import CreateRequest, JobCreate
from wayside_events.identifiers import EntityId, parse_scope
from wayside_events.jobs import JobError, JobMode, LogLevel, Related

logger = logging.getLogger("wayside.tracking")


class TrackOptions(TypedDict, total=False):
    """What may be said of a tracked operation beside its type, scope and input; see `JobCreate`."""

    session_id: str
    related: Related
    parent_id: EntityId
    unique_key: str
    origin: str
    timeout_seconds: float
    ttl_seconds: float


class TrackedJob(Operation):
    """A running operation and its record. Set `result`, and `metrics`, before the block ends."""

    result: object = None
    metrics: Mapping[str, object] | None = None

    @property
    def id(self) -> EntityId | None:
        """The job's id; `None` as long as Wayside could not be reached."""
        return self._attempt.granted.job_id if self._attempt.grant else None

    @property
    def is_tracked(self) -> bool:
        """Whether there is a record by now."""
        return self._attempt.grant is not None


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
    """Track the block of an `async with` as a job.

    The operation runs in your task as it always did. Its end completes the job, an exception fails it and goes on to
    you. When a user cancels the job, `asyncio.CancelledError` is raised at your next `await`, and `JobCanceled` leaves
    the block. A process that dies is noticed by its lease.

    Wayside is a safety net here, never the thing to trip over: while it cannot be reached the block runs all the same,
    its record is made as soon as possible, also after the end, and `job.id` is `None` until then. What Wayside does not
    accept is logged. With `required` either raises instead. Raises `AlreadyTracked` when an operation with the same
    `unique_key` runs.
    """
    tracker = tracker or default_tracker()

    def request() -> CreateRequest:
        wanted = JobCreate(
            type=job_type,
            scope=parse_scope(scope),
            input=json_value(input, "input"),
            mode=JobMode.TRACKED,
            **options,
        )
        return CreateRequest(
            job=wanted, created_by=created_by or tracker.settings.name, idempotency_key=str(uuid4())
        )

    return Tracking(tracker, request, timeout_seconds=options.get("timeout_seconds"), is_required=required)


class Tracking:
    """The context manager that `track` returns; good for one block."""

    def __init__(
        self,
        tracker: Tracker,
        request: Callable[[], CreateRequest],
        *,
        timeout_seconds: float | None,
        is_required: bool,
    ) -> None:
        self._tracker = tracker
        self._request = request
        self._timeout_seconds = timeout_seconds
        self._is_required = is_required
        self._attempt = Attempt()
        self._job = TrackedJob(self._attempt)
        self._timer: asyncio.TimerHandle | None = None
        self._is_open = False
        self._cancels = 0

    async def __aenter__(self) -> TrackedJob:
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._is_open = True
        self._attempt.on_stop = self._on_stop
        try:
            await self._begin()
        except BaseException as error:
            self._is_open = False
            # The record may come into being all the same, and must not stay open then.
            self._conclude(error)
            if self._take_back() and isinstance(error, asyncio.CancelledError):
                raise JobCanceled(self._job.id) from error
            raise
        if self._timeout_seconds:
            self._timer = self._loop.call_later(self._timeout_seconds, self._attempt.stop, Stop.TIMEOUT)
        return self._job

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False
        if self._timer:
            self._timer.cancel()
        self._conclude(error)
        is_ours = self._take_back()
        if isinstance(error, GeneratorExit):
            return  # from a coroutine that is being closed, which may not wait any more
        await self._await_settled()
        if isinstance(error, asyncio.CancelledError) and is_ours:
            if self._attempt.stop_reason is Stop.TIMEOUT:
                raise TimeoutError from error
            raise JobCanceled(self._job.id) from error

    async def _begin(self) -> None:
        try:
            await self._begun()
        except AlreadyTracked:
            raise
        except Exception as error:
            if self._is_required:
                raise
            logger.warning("an operation runs without a record for now: %s", error)

    async def _begun(self) -> None:
        """Wait until there is a record, or for as long as that makes sense."""
        begun = self._tracker.begin(self._attempt, self._request())
        seconds = self._tracker.settings.start_seconds if self._waits else 0
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(asyncio.wrap_future(begun))
        except TimeoutError:
            self._tracker.gave_up()
            begun.add_done_callback(_log_late)
            if self._is_required:
                begun.cancel()
            msg = f"Wayside did not answer within {seconds:g} s"
            raise Unavailable(msg) from None

    @property
    def _waits(self) -> bool:
        return self._is_required or self._tracker.is_reachable

    def _on_stop(self, reason: Stop) -> None:
        """A lease that was lost ends the record, not the operation: that is its caller's."""
        if reason is not Stop.FENCED:
            self._in_loop(self._cancel)

    def _cancel(self) -> None:
        if self._is_open:
            self._cancels += 1
            self._task.cancel()

    def _conclude(self, error: BaseException | None) -> None:
        """Say how it ended; whatever goes wrong with that is not the caller's."""
        try:
            self._say_end(error)
        except Exception:
            logger.exception("the end of an operation could not be described")
            self._fail("error", "the end of the operation could not be described")

    def _say_end(self, error: BaseException | None) -> None:
        """As a worker has it, an exception of an operation that was asked to end is taken to be its end."""
        attempt = self._attempt
        if isinstance(error, Exception):
            attempt.log(LogLevel.ERROR, traceback_of(error), {})
        match error:
            case None:
                self._complete()
            case asyncio.CancelledError() | Exception() if attempt.stop_reason is Stop.CANCEL:
                attempt.acknowledge_cancel()
            case asyncio.CancelledError() | Exception() if attempt.stop_reason is Stop.TIMEOUT:
                self._fail("timeout", f"the operation ran longer than {self._timeout_seconds:g} s")
            case Exception():
                attempt.fail(failure(error).model_copy(update={"retryable": False}))
            case _:
                self._fail("interrupted", f"the process ended the operation: {type(error).__name__}")

    def _fail(self, code: str, message: str) -> None:
        self._attempt.fail(JobError(code=code, message=message, retryable=False))

    def _complete(self) -> None:
        """A result that cannot be kept is no reason to call an operation failed that its caller saw succeed."""
        try:
            result = json_value(self._job.result, "result")
        except (NotJson, TooLarge) as error:
            self._attempt.log(LogLevel.ERROR, f"the result was left out: {error}", {})
            result = None
        metrics: object = self._job.metrics
        if not isinstance(metrics, Mapping | None):
            self._attempt.log(LogLevel.ERROR, "the metrics were left out: they are no mapping", {})
        self._attempt.complete(result, metrics if isinstance(metrics, Mapping) else None)

    async def _await_settled(self) -> None:
        if not self._tracker.is_reachable or not self._job.is_tracked:
            return
        settled = asyncio.Event()
        self._attempt.when_settled(lambda _: self._in_loop(settled.set))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._tracker.settings.finish_seconds):
                await settled.wait()

    def _in_loop(self, callback: Callable[[], object]) -> None:
        """Call back in the operation's event loop, if that still runs."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback)

    def _take_back(self) -> bool:
        """Take back that we cancelled the task, as `asyncio.timeout` does; returns whether nobody else did."""
        if not self._cancels:
            return False
        for _ in range(self._cancels):
            self._task.uncancel()
        return self._task.cancelling() <= self._cancelling


def _log_late(begun: concurrent.futures.Future[None]) -> None:
    if not begun.cancelled() and (error := begun.exception()):
        logger.warning("an operation was never recorded: %s", error)
