"""One tracked block: of a task, which can be cancelled, or of a thread, which has to ask."""

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
from collections.abc import Callable

from wayside.errors import AlreadyTracked, JobCanceled, Stop, Unavailable
from wayside.reporting.attempt import Attempt
from wayside.tracking.record import Ending, Plan, SyncTrackedJob, TrackedJob
from wayside.tracking.visits import current_visit

logger = logging.getLogger("wayside.tracking")


HINT = (
    "the operation %s was cancelled with its task. If that was a web handler whose client has left: detach_tracked, "
    "DetachTracked and detach_tracked_middleware let such operations go on"
)


class _Block:
    """What both kinds have in common."""

    def __init__(self, plan: Plan, attempt: Attempt, job: TrackedJob) -> None:
        self.job = job
        self._plan = plan
        self._tracker = plan.tracker
        self._attempt = attempt
        self._ending = Ending(job, attempt, plan.timeout_seconds)
        self._visit = current_visit()

    def _open(self) -> None:
        if self._visit is not None:
            self._visit.begin(self, self._tracker)

    def _close(self) -> None:
        if self._visit is not None:
            self._visit.end(self)

    def _asked(self) -> tuple[concurrent.futures.Future[None], float]:
        """Ask for the record; returns what says when it is there, and how long to wait for that."""
        begun = self._tracker.begin(self._attempt, self._plan.request())
        waits = self._plan.is_required or self._tracker.is_reachable
        return begun, self._tracker.settings.start_seconds if waits else 0

    def _gave_up(self, begun: concurrent.futures.Future[None], seconds: float) -> Unavailable:
        self._tracker.gave_up()
        begun.add_done_callback(_log_late)
        if self._plan.is_required:
            begun.cancel()
        return Unavailable(f"Wayside did not answer within {seconds:g} s")

    def _without(self, error: Exception) -> None:
        """The operation goes on without a record, unless it may not."""
        if self._plan.is_required or isinstance(error, AlreadyTracked):
            raise error
        logger.warning("an operation runs without a record for now: %s", error)

    @property
    def _awaits_end(self) -> bool:
        return self._tracker.is_reachable and self.job.is_tracked


class TaskBlock(_Block):
    """A block of an asyncio task, which is cancelled when its job is."""

    def __init__(self, plan: Plan) -> None:
        attempt = Attempt()
        super().__init__(plan, attempt, TrackedJob(attempt))
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._timer: asyncio.TimerHandle | None = None
        self._is_open = True
        self._cancels = 0
        attempt.on_stop = self._on_stop

    async def begin(self) -> None:
        """Wait until there is a record, or for as long as that makes sense."""
        self._open()
        try:
            await self._begin()
        except BaseException as error:
            self._is_open = False
            self._close()
            # The record may come into being all the same, and must not stay open then.
            self._ending.conclude(error)
            if self._take_back() and isinstance(error, asyncio.CancelledError):
                raise JobCanceled(self.job.id) from error
            raise
        if seconds := self._plan.timeout_seconds:
            self._timer = self._loop.call_later(seconds, self._attempt.stop, Stop.TIMEOUT)

    async def end(self, error: BaseException | None) -> None:
        """Say how the block ended, and raise what is to leave it instead of `error`."""
        try:
            await self._end(error)
        finally:
            self._close()

    async def _end(self, error: BaseException | None) -> None:
        self._is_open = False
        if self._timer:
            self._timer.cancel()
        self._ending.conclude(error)
        is_ours = self._take_back()
        if isinstance(error, GeneratorExit):
            return  # from a coroutine that is being closed, which may not wait any more
        if isinstance(error, asyncio.CancelledError) and not is_ours and self._visit is None:
            logger.warning(HINT, self._plan.wanted["job_type"])
        await self._await_settled()
        if isinstance(error, asyncio.CancelledError) and is_ours:
            if self._attempt.stop_reason is Stop.TIMEOUT:
                raise TimeoutError from error
            raise JobCanceled(self.job.id) from error

    async def _begin(self) -> None:
        try:
            begun, seconds = self._asked()
            try:
                async with asyncio.timeout(seconds):
                    await asyncio.shield(asyncio.wrap_future(begun))
            except TimeoutError:
                raise self._gave_up(begun, seconds) from None
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with the record is not the operation's
            self._without(error)

    async def _await_settled(self) -> None:
        if not self._awaits_end:
            return
        settled = asyncio.Event()
        self._attempt.when_settled(lambda _: self._in_loop(settled.set))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._tracker.settings.finish_seconds):
                await settled.wait()

    def _on_stop(self, reason: Stop) -> None:
        """A lease that was lost ends the record, not the operation: that is its caller's."""
        if reason is not Stop.FENCED:
            self._in_loop(self._cancel)

    def _cancel(self) -> None:
        if self._is_open:
            self._cancels += 1
            self._task.cancel()

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


class ThreadBlock(_Block):
    """A block of any thread, which is told to end when it next says something."""

    def __init__(self, plan: Plan) -> None:
        attempt = Attempt()
        super().__init__(plan, attempt, SyncTrackedJob(attempt, plan.timeout_seconds))

    def begin(self) -> None:
        """Wait until there is a record, or for as long as that makes sense."""
        self._open()
        try:
            self._begin()
        except BaseException as error:
            self._close()
            self._ending.conclude(error)
            raise

    def end(self, error: BaseException | None) -> None:
        """Say how the block ended."""
        try:
            self._end(error)
        finally:
            self._close()

    def _end(self, error: BaseException | None) -> None:
        self._ending.conclude(error)
        if not self._awaits_end:
            return
        settled = threading.Event()
        self._attempt.when_settled(lambda _: settled.set())
        settled.wait(self._tracker.settings.finish_seconds)

    def _begin(self) -> None:
        try:
            begun, seconds = self._asked()
            try:
                begun.result(seconds)
            except concurrent.futures.TimeoutError:
                raise self._gave_up(begun, seconds) from None
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with the record is not the operation's
            self._without(error)


def _log_late(begun: concurrent.futures.Future[None]) -> None:
    if not begun.cancelled() and (error := begun.exception()):
        logger.warning("an operation was never recorded: %s", error)
