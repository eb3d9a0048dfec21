"""The worker: what its user writes, and its life from the first claim to the last report."""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, Unpack

from wayside.errors import InvalidHandler, WaysideError
from wayside.logs import capture_level, capturing
from wayside.runner.runner import Runner
from wayside.settings import nats_hint, nats_settings, new_runner_name
from wayside.worker.deputy import Deputy
from wayside.worker.handlers import Handler, JobHandler, JobTypeOptions, job_handler
from wayside.worker.running import run
from wayside.worker.shift import Patience, Shift
from wayside.worker.slots import Slots
from wayside.worker.watch import LoopWatch
from wayside_events.bus import Bus, BusSettings, BusUnavailable, RequestRefused

logger = logging.getLogger("wayside.worker")

F = TypeVar("F", bound=Handler)

HINT_SECONDS = 2.0
"""How long NATS is waited for before a hint is given."""


class Worker:
    """Serves job types with the functions registered on it.

    `slots` is how many jobs run at the same time. `name` is who proposes what its handlers propose, and part of the
    runner's name. Without `nats` the connection is read from `WAYSIDE_NATS_URL`, `_USER` and `_PASSWORD`.
    With `capture_logs` what handlers log in the ordinary way is on their jobs too, from INFO on or from the level given
    (as far as the loggers are set up to let it through); see `JobLogHandler`.
    """

    def __init__(  # noqa: PLR0913 - all of them by name
        self,
        *,
        queues: Sequence[str] = ("default",),
        slots: int = 4,
        name: str = "worker",
        nats: BusSettings | None = None,
        version: str | None = None,
        patience: Patience | None = None,
        capture_logs: bool | int | str = False,
    ) -> None:
        if slots < 1:
            msg = f"a worker has at least one slot, not {slots}"
            raise ValueError(msg)
        if not queues:
            msg = "a worker serves at least one queue"
            raise ValueError(msg)
        self.queues = tuple(queues)
        self.name = name
        self.handlers: dict[str, JobHandler] = {}
        self._slots = Slots(slots)
        self._nats = nats
        self._version = version
        self._patience = patience or Patience()
        self._capture_level = capture_level(capture_logs)
        self._stopping: asyncio.Event | None = None
        self._hurry: asyncio.Event | None = None

    def job(
        self,
        name: str,
        *,
        non_retryable: tuple[type[Exception], ...] = (),
        **options: Unpack[JobTypeOptions],
    ) -> Callable[[F], F]:
        """Serve the job type `name` with the decorated function `(ctx)` or `(ctx, input: Model) -> Result`.

        An async function runs in the worker's event loop, a plain one in a thread of its own. Exceptions fail the job,
        retryable unless they are `NonRetryable`, of the classes named here, or a `ChildFailed` or `ProblemError` that
        `is_final`. Raises `InvalidHandler`.
        """

        def register(function: F) -> F:
            if name in self.handlers:
                msg = f"two handlers for the job type {name!r}"
                raise InvalidHandler(msg)
            options.setdefault("queue", self.queues[0])
            self.handlers[name] = job_handler(name, function, options, non_retryable=non_retryable)
            return function

        return register

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, in an event loop of its own; a second signal gives everything back at once.

        A program that has not set up logging gets it on stderr, from INFO on: a silent worker looks like a stuck one.
        """
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        # What is loaded by now stays: looking through it again and again was a tenth of the cost of a short job.
        gc.freeze()
        run(self._run())

    async def serve(self) -> None:
        """Serve until `stop` is called, and shut down gracefully; when cancelled, give everything back at once.

        Raises `WaysideError` when the jobs service does not accept what this worker serves, and `InvalidHandler` when
        there is no handler, or one whose jobs go to a queue that is not served.
        """
        if not self.handlers:
            msg = "the worker serves no job type: decorate a function with @worker.job(...)"
            raise InvalidHandler(msg)
        self._check_queues()
        self._stopping, self._hurry = asyncio.Event(), asyncio.Event()
        nats = self._nats or nats_settings(name=self.name)
        runner = Runner(
            new_runner_name(self.name),
            nats,
            queues=self.queues,
            job_types=[handler.spec for handler in self.handlers.values()],
            slots=self._slots.total,
            version=self._version,
        )
        async with runner:
            shift = Shift(
                runner, self._slots, self.handlers, self._patience, queues=self.queues, proposer=self.name
            )
            if self._nats is None and (hint := nats_hint()):
                _ = runner.start_task(_give_hint(runner.bus, hint), name="hint")
            with LoopWatch(Deputy(runner, shift.claimer, nats), shift.attempt_of):
                try:
                    with capturing(self._capture_level):
                        await self._work(runner, shift)
                finally:
                    await shift.end()

    def stop(self) -> None:
        """Begin to shut down: claim nothing more, let handlers end. Called again: give everything back at once."""
        if self._stopping is None or self._hurry is None:
            return
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def _check_queues(self) -> None:
        for name, handler in self.handlers.items():
            if handler.spec.queue not in self.queues:
                msg = (
                    f"jobs of the type {name!r} go to the queue {handler.spec.queue!r}, which this worker does not serve "
                    f"(it serves {', '.join(self.queues)}): name it in queues=[...]"
                )
                raise InvalidHandler(msg)

    async def _work(self, runner: Runner, shift: Shift) -> None:
        assert self._stopping is not None
        assert self._hurry is not None
        stopping = asyncio.create_task(self._stopping.wait(), name="worker-stopping")
        hurry = asyncio.create_task(self._hurry.wait(), name="worker-hurry")
        try:
            await asyncio.wait({stopping, runner.startup}, return_when=asyncio.FIRST_COMPLETED)
            if runner.startup.done():
                _check_accepted(runner.startup)
                logger.info("worker %s serves %s", runner.name, ", ".join(self.handlers))
                await stopping
            logger.info("worker %s shuts down; a second signal gives running jobs back at once", runner.name)
            await shift.wind_down(hurry)
        finally:
            stopping.cancel()
            hurry.cancel()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        with _signals(loop, self.stop):
            await self.serve()


async def _give_hint(bus: Bus, hint: str) -> None:
    """Say what may be wrong when NATS is not there at once; the worker goes on waiting."""
    try:
        await bus.ready(HINT_SECONDS)
    except BusUnavailable as error:
        logger.warning("%s; %s", error, hint)


def _check_accepted(startup: asyncio.Task[None]) -> None:
    try:
        startup.result()
    except RequestRefused as error:
        msg = f"the jobs service does not accept this worker: {error}"
        raise WaysideError(msg) from error


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> Iterator[None]:
    """Call `callback` on SIGTERM and SIGINT."""
    names = (signal.SIGTERM, signal.SIGINT)
    for name in names:
        loop.add_signal_handler(name, callback)
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(name)
