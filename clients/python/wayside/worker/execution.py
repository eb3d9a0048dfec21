"""Running one attempt: parse, call, conclude."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from wayside.context import Context, Surroundings, ThreadContext
from wayside.current import enter
from wayside.errors import HandlerStopped, Stop
from wayside.reporting.attempt import Attempt
from wayside.worker.conclusion import Ending, Interrupted, Raised, Returned, abandon, conclude
from wayside.worker.handlers import JobHandler
from wayside.worker.slots import Seat
from wayside_events.jobs import JobError

logger = logging.getLogger("wayside.worker")

T = TypeVar("T")


class Overseer(Protocol):
    """Who wants to know what becomes of an execution."""

    def on_end(self, execution: "Execution") -> None:
        """The handler has ended."""

    def on_abandoned(self, execution: "Execution") -> None:
        """The handler was left alone."""


class Execution:
    """One attempt in the hands of its handler; `run` is a task's whole life.

    A handler that does not end within the grace period after it was asked to is abandoned: what it still says counts for
    nothing, and its task or thread goes on by itself. The jobs service, which forces the end by its own clock, sees
    heartbeats until it has.
    """

    __slots__ = ("_cancel", "_grace", "_handler", "_is_over", "_overseer", "_surroundings", "attempt", "seat")

    def __init__(
        self,
        attempt: Attempt,
        handler: JobHandler,
        surroundings: Surroundings,
        seat: Seat,
        overseer: Overseer,
    ) -> None:
        self.attempt = attempt
        self.seat = seat
        self._handler = handler
        self._surroundings = surroundings
        self._overseer = overseer
        self._cancel: Callable[[], object] | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._is_over = False
        attempt.on_stop = self._on_stop

    async def run(self) -> None:
        """Run the handler and say how it ended. Only a cancellation that nobody asked of the attempt goes on."""
        try:
            self._conclude(await self._call())
        except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):
            self.attempt.stop(Stop.SHUTDOWN)
            self._conclude(Interrupted())
            raise
        finally:
            self._is_over = True
            self._cancel = None
            if self._grace is not None:
                self._grace.cancel()
            self._overseer.on_end(self)

    def _conclude(self, ending: Ending) -> None:
        """An attempt without an ending would be kept alive for ever: there is one in every case."""
        if self.attempt.is_abandoned:
            logger.info("job %s attempt %d, which was left alone, has ended after all", *self.attempt.key)
            return
        try:
            conclude(self.attempt, self._handler, ending)
        except Exception:
            logger.exception("job %s attempt %d: its end could not be described", *self.attempt.key)
            self.attempt.fail(JobError(code="error", message="the end of the handler could not be described"))

    async def _call(self) -> Ending:
        try:
            if self.attempt.stop_reason is not None:
                return Interrupted()
            value = await (self._call_async() if self._handler.is_async else self._call_in_thread())
        except HandlerStopped:
            return Interrupted()
        except asyncio.CancelledError:
            if self._was_cancelled_from_outside():
                raise
            return Interrupted()
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except SystemExit as error:
            return Raised(RuntimeError(f"the handler called exit({error.code})"))
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises is how its attempt ended
            return Raised(error)
        return Returned(value)

    async def _call_async(self) -> Any:  # noqa: ANN401 - what the handler returns
        context = Context(self.attempt, self._surroundings, self.seat)
        arguments = self._handler.arguments(context, self.attempt.granted.input)
        enter(context)
        task = asyncio.current_task()
        assert task is not None
        self._cancel = task.cancel
        return await self._handler.function(*arguments)

    async def _call_in_thread(self) -> Any:  # noqa: ANN401 - what the handler returns
        context = ThreadContext(self.attempt, self._surroundings, self.seat)
        arguments = self._handler.arguments(context, self.attempt.granted.input)
        enter(context)
        return await in_thread(
            lambda: self._handler.function(*arguments), name=f"job-{self.attempt.granted.job_id}"
        )

    def _on_stop(self, reason: Stop) -> None:
        if self._is_over:
            return
        logger.info("job %s attempt %d is asked to end: %s", *self.attempt.key, reason)
        self._surroundings.loop.call_soon_threadsafe(self._stop, reason)

    def _stop(self, reason: Stop) -> None:
        if self._is_over:
            return
        if self._cancel is not None:
            self._cancel()
        # A shutdown has a grace period of its own.
        if self._grace is None and reason is not Stop.SHUTDOWN:
            seconds = self.attempt.granted.cancel_grace_seconds
            self._grace = self._surroundings.loop.call_later(seconds, self._abandon)

    def leave_alone(self) -> None:
        """Give up on the handler: it does not end."""
        message = f"the handler does not end ({self.attempt.stop_reason}); it is left alone"
        logger.error("job %s attempt %d: %s", *self.attempt.key, message)
        abandon(self.attempt, message)

    def _abandon(self) -> None:
        if not self.attempt.is_abandoned:
            self.leave_alone()
            self._overseer.on_abandoned(self)
            if self._cancel is not None:
                self._cancel()

    def _was_cancelled_from_outside(self) -> bool:
        task = asyncio.current_task()
        assert task is not None
        if self.attempt.stop_reason is None:
            return task.cancelling() > 0
        while task.cancelling() > 0:
            task.uncancel()
        return False


async def in_thread(function: Callable[[], T], *, name: str) -> T:
    """Run a function in a daemon thread of its own: one that never ends does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def deliver(value: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(value)  # type: ignore[arg-type]

    def work() -> None:
        value: T | None = None
        error: BaseException | None = None
        try:
            value = context.run(function)
        except (StopIteration, KeyboardInterrupt, GeneratorExit) as raised:
            # No future takes the first, and the others would be taken for the event loop's own.
            error = RuntimeError(f"the handler raised {raised!r}")
        except BaseException as raised:  # noqa: BLE001 - carried over to the task that waits
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver, value, error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await done
