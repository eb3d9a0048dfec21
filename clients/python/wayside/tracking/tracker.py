"""The tracker: one connection of this process, in a thread of its own, for all its tracked operations.

In a thread, so that heartbeats go on while the caller's event loop is busy, and any number of loops can share it.
"""

import asyncio
import atexit
import concurrent.futures
import logging
import os
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from wayside.errors import UNKNOWN_JOB_TYPE, AlreadyTracked, Unavailable, error_of
from wayside.reporting.attempt import Attempt
from wayside.reporting.grant import Grant
from wayside.runner.runner import Runner
from wayside.settings import nats_settings, new_runner_name
from wayside_events.bus import BusSettings, BusUnavailable, RequestRefused
from wayside_events.contracts.jobs import (
    CREATE_SUBJECT,
    CreateReply,
    CreateRequest,
)

logger = logging.getLogger("wayside.tracking")

CREATE_TIMEOUT_SECONDS = 5.0
CREATE_PATIENCE_SECONDS = 600.0
"""How long the record of an operation is tried to be created; the operation runs meanwhile, or is over."""

WAITING_LIMIT = 10_000
"""How many records may wait; operations beyond that have none, and memory has an end."""

SLOTS_LIMIT = 10_000
"""How many slots a runner may say it has."""

RETRY_SECONDS = 1.0
THREAD_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerSettings:
    """How a process tracks. `name` is who creates the jobs where nobody else is named.

    An operation waits for its record at most `start_seconds` before it begins, and at most `finish_seconds` for the
    record of its end; neither while Wayside is known to be out of reach. `exit_seconds` is for what is left to say
    when the process ends. `detached_limit` is how many operations `run_tracked` has, and handlers go on alone, at the
    same time.
    """

    name: str = "app"
    nats: BusSettings = field(default_factory=nats_settings)
    start_seconds: float = 2.0
    finish_seconds: float = 2.0
    exit_seconds: float = 3.0
    detached_limit: int = 1_000


class Tracker:
    """Creates jobs for operations of this process and reports for them; every method may be called from any thread."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self.settings = settings or TrackerSettings()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ready: concurrent.futures.Future[asyncio.AbstractEventLoop] = concurrent.futures.Future()
        self._closing: asyncio.Event | None = None
        self._runner: Runner | None = None
        self._is_reachable = True
        self._is_closed = False
        self._waiting = 0
        self._announced: set[str] = set()
        self.operations: set[asyncio.Task[Any]] = set()
        """What `run_tracked` runs, and handlers that go on without their client, in whatever event loop."""

    @property
    def is_reachable(self) -> bool:
        """Whether waiting for an answer makes sense: false from a failure to the next success."""
        return self._is_reachable

    def gave_up(self) -> None:
        """Note that an operation waited for an answer in vain: the next ones need not."""
        self._is_reachable = False

    def begin(self, attempt: Attempt, request: CreateRequest) -> concurrent.futures.Future[None]:
        """Create the job of an attempt, for as long as it takes; the future says when, or why it cannot be.

        It fails with `AlreadyTracked`, a `ProblemError` or, after ten minutes, `Unavailable`; this raises `Unavailable`
        when the tracker is closed, or too many records wait for Wayside to come back.
        """
        loop = self._started_loop()
        if self._waiting >= WAITING_LIMIT:
            msg = f"{self._waiting} operations wait for their records already"
            raise Unavailable(msg)
        return asyncio.run_coroutine_threadsafe(self._begin(attempt, request), loop)

    def close(self) -> None:
        """Say what is left to say, for a short while, and disconnect. Afterwards nothing is tracked any more."""
        with self._lock:
            thread, self._is_closed = self._thread, True
        if thread is None or not thread.is_alive():
            return
        loop = self._ready.result(THREAD_SECONDS)
        assert self._closing is not None
        loop.call_soon_threadsafe(self._closing.set)
        thread.join(self.settings.exit_seconds + THREAD_SECONDS)

    def _started_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._is_closed:
                msg = "the tracker is closed"
                raise Unavailable(msg)
            if self._thread is None:
                atexit.register(self.close)
            # It is not alive in a process that was forked from the one which began it.
            if self._thread is None or not self._thread.is_alive():
                self._ready = concurrent.futures.Future()
                self._is_reachable, self._waiting, self._announced = True, 0, set()
                self._thread = threading.Thread(target=self._run, name="wayside-tracker", daemon=True)
                self._thread.start()
        return self._ready.result(THREAD_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            logger.exception("the tracker ended")
            if not self._ready.done():
                self._ready.set_exception(error)

    async def _serve(self) -> None:
        self._closing = asyncio.Event()
        name = new_runner_name(self.settings.name)
        slots = min(max(self.settings.detached_limit, 1), SLOTS_LIMIT)
        async with Runner(name, self.settings.nats, slots=slots) as runner:
            self._runner = runner
            self._ready.set_result(asyncio.get_running_loop())
            await self._closing.wait()
            if unknown := await runner.reporter.drain(self.settings.exit_seconds):
                logger.warning("the process ends before the ends of %d operations could be recorded", unknown)

    async def _begin(self, attempt: Attempt, request: CreateRequest) -> None:
        runner = self._open_runner
        named = request.model_copy(update={"job": request.job.model_copy(update={"runner": runner.name})})
        self._waiting += 1
        try:
            reply = await self._created(named)
        finally:
            self._waiting -= 1
        self._is_reachable = True
        if reply.assignment is None:
            raise AlreadyTracked(reply.job)
        attempt.bind(Grant.of(reply.assignment))
        attempt.when_settled(runner.remove)
        runner.add(attempt)
        self._announce(request.job.type)

    async def _created(self, request: CreateRequest) -> CreateReply:
        deadline = asyncio.get_running_loop().time() + CREATE_PATIENCE_SECONDS
        while True:
            try:
                return await self._create(request)
            except BusUnavailable as error:
                self._is_reachable = False
                if asyncio.get_running_loop().time() > deadline:
                    raise Unavailable(str(error)) from error
                logger.info("the record of an operation (%s) waits: %s", request.job.type, error)
            await self._open_runner.wait_for_resume(RETRY_SECONDS)

    async def _create(self, request: CreateRequest) -> CreateReply:
        runner = self._open_runner
        await runner.bus.ready(CREATE_TIMEOUT_SECONDS)
        known = runner.registration
        try:
            return await runner.ask(
                CREATE_SUBJECT, request, CreateReply, timeout_seconds=CREATE_TIMEOUT_SECONDS
            )
        except RequestRefused as refused:
            if refused.problem.code != UNKNOWN_JOB_TYPE:
                raise error_of(refused.problem) from refused
        await runner.announce(request.job.type, timeout_seconds=CREATE_TIMEOUT_SECONDS, since=known)
        return await runner.ask(CREATE_SUBJECT, request, CreateReply, timeout_seconds=CREATE_TIMEOUT_SECONDS)

    def _announce(self, job_type: str) -> None:
        """Have this process listed with the types it tracks, also with those that others have made known."""
        runner = self._open_runner
        if not runner.is_known_to_track(job_type) and job_type not in self._announced:
            self._announced.add(job_type)
            work = runner.announce(job_type, timeout_seconds=CREATE_TIMEOUT_SECONDS)
            _ = runner.start_task(work, name=f"announce-{job_type}")

    @property
    def _open_runner(self) -> Runner:
        assert self._runner is not None
        return self._runner


def default_tracker() -> Tracker:
    """The tracker of this process, made when it is first needed; a forked process gets its own."""
    return _tracker_of(os.getpid())


@cache
def _tracker_of(_process: int) -> Tracker:
    return Tracker()
