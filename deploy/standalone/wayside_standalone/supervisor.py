"""Keeps one child running: start, watch, restart with backoff, stop."""

import asyncio
import logging
import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from wayside_standalone.logs import LogFile, LogPipe, tail
from wayside_standalone.process import Command, Process, spawn

logger = logging.getLogger("wayside.standalone")

STARTING_POLL_SECONDS = 0.02
READY_POLL_SECONDS = 0.2
CRASH_LOOP = 3


class Program(Protocol):
    """What can be supervised."""

    name: str
    stop_steps: Sequence[tuple[signal.Signals, float]]

    @property
    def port(self) -> int:
        """The port it listens on, 0 while unknown."""
        ...

    @property
    def url(self) -> str:
        """Its address, of use once the port is known."""
        ...

    def prepare(self) -> None:
        """Make ready for a start; may block."""

    def command(self) -> Command:
        """The command line of the next start."""
        ...

    async def ready(self, pid: int) -> bool:
        """Whether the process with that pid does its work; asked again and again."""
        ...

    async def alive(self) -> bool:
        """Whether it still answers, were it only to say that it is not ready; true while that cannot be asked."""
        ...


class Status(StrEnum):
    """What a child is doing."""

    STARTING = "starting"  # the process runs but is not ready
    READY = "ready"  # it was ready since its start
    WAITING = "waiting"  # it ended by itself, and is started again after the backoff
    STOPPED = "stopped"  # it was stopped, or never started


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a restart; failures are forgotten after a run of `healthy_seconds`."""

    first_seconds: float = 0.25
    longest_seconds: float = 30
    healthy_seconds: float = 30

    def delay(self, failures: int) -> float:
        """Seconds before the next start after so many failures in a row, with up to a tenth of jitter."""
        doubled: float = self.first_seconds * 2 ** min(failures - 1, 20)
        return min(doubled, self.longest_seconds) * random.uniform(0.9, 1)  # noqa: S311


@dataclass(frozen=True)
class Pulse:
    """How often a program is asked whether it lives, how long it may take, and how many silences in a row end it.

    In rows and not in seconds, so that a supervisor which was suspended ends nobody.
    """

    every_seconds: float = 5
    answer_seconds: float = 5
    silences: int = 4


class Supervisor:
    """Runs one program until stopped. `failures` counts the ends in a row, `restarts` all of them."""

    def __init__(
        self,
        program: Program,
        log: LogFile,
        *,
        environment: dict[str, str],
        backoff: Backoff | None = None,
        pulse: Pulse | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.program = program
        self.log = log
        self.status = Status.STOPPED
        self.failures = 0
        self.restarts = 0
        self._environment = environment
        self._backoff = backoff or Backoff()
        self._pulse = pulse or Pulse()
        self._changed = changed
        self._process: Process | None = None
        self._pipe: LogPipe | None = None
        self._task: asyncio.Task[None] | None = None
        self._progress = asyncio.Condition()

    @property
    def name(self) -> str:
        """The program's name."""
        return self.program.name

    @property
    def pid(self) -> int | None:
        """The process id while there is a process."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Begin to run the program, in the background."""
        self._task = asyncio.create_task(self._run(), name=f"supervise {self.name}")

    async def settled(self, *, failures: int, timeout_seconds: float) -> bool:
        """Wait until the program is ready (True), or ended that often in a row or the time is over (False)."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds), self._progress:
                await self._progress.wait_for(
                    lambda: self.status is Status.READY or self.failures >= failures
                )
        return self.status is Status.READY

    async def stop(self) -> None:
        """Stop the program in good order; returns when its process has ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        if self._process is not None:
            await self._end(self._process)
            self._process = None
        await self._set(Status.STOPPED)

    def kill(self) -> None:
        """End the process at once, for good; `stop` then has nothing to wait for."""
        if self._task is not None:
            self._task.cancel()
        if self._process is not None:
            self._process.kill()

    async def _run(self) -> None:
        try:
            while True:
                ended = await self._run_once()
                self.failures += 1
                self.restarts += 1
                delay = self._backoff.delay(self.failures)
                self._report(ended, delay)
                await self._set(Status.WAITING)
                await asyncio.sleep(delay)
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("the supervision of %s failed", self.name)
            raise

    async def _run_once(self) -> str:
        """Start the process and stay until it has ended; returns how it ended, in words."""
        try:
            await unabandoned(self.program.prepare)
            process = self._spawn()
        except Exception as error:  # noqa: BLE001 - whatever hinders a start is retried, and said
            return f"could not be started: {error}"
        await self._set(Status.STARTING)
        feeling = asyncio.create_task(self._feel_pulse(process), name=f"feel the pulse of {self.name}")
        try:
            await self._watch(process)
        finally:
            feeling.cancel()
        self._close_pipe()
        self._process = None
        return how_it_ended(process.returncode)

    def _spawn(self) -> Process:
        command = self.program.command()
        command = replace(command, environment={**command.environment, **self._environment})
        pipe = self._pipe = LogPipe(self.log)
        try:
            self._process = spawn(command, pipe.write_end)
        finally:
            os.close(pipe.write_end)
        return self._process

    def _close_pipe(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    async def _watch(self, process: Process) -> None:
        ready_since: float | None = None
        while process.poll() is None:
            if ready_since is None and await self.program.ready(process.pid):
                ready_since = time.monotonic()
                await self._set(Status.READY)
            elif ready_since is not None and time.monotonic() - ready_since > self._backoff.healthy_seconds:
                self.failures = 0
            await asyncio.sleep(STARTING_POLL_SECONDS if ready_since is None else READY_POLL_SECONDS)

    async def _feel_pulse(self, process: Process) -> None:
        """Kill a process that lives but hangs: nobody else would ever notice."""
        silences = 0
        while silences < self._pulse.silences:
            await asyncio.sleep(self._pulse.every_seconds)
            silences = 0 if await self._answers() else silences + 1
        logger.error("%s did not answer %d times in a row; it is killed", self.name, silences)
        process.kill()

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(self._pulse.answer_seconds):
                return await self.program.alive()
        except TimeoutError:
            return False

    async def _end(self, process: Process) -> None:
        for number, seconds in (*self.program.stop_steps, (signal.SIGKILL, 5)):
            if process.poll() is not None:
                break
            process.send_signal(number)
            deadline = time.monotonic() + seconds
            while process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110 - nothing to wait for
                await asyncio.sleep(STARTING_POLL_SECONDS)
        self._close_pipe()

    async def _set(self, status: Status) -> None:
        self.status = status
        where = f" at {self.program.url} (pid {self.pid})" if status is Status.READY else ""
        logger.info("%s is %s%s", self.name, status, where)
        async with self._progress:
            self._progress.notify_all()
        self._changed()

    def _report(self, ended: str, delay: float) -> None:
        if self.failures < CRASH_LOOP:
            logger.warning("%s %s; starting it again in %.1f s", self.name, ended, delay)
            return
        logger.error(
            "%s keeps failing: it %s, %d times in a row; the next start is in %.1f s. The end of %s:\n%s",
            *(self.name, ended, self.failures, delay, self.log.path, tail(self.log.path)),
        )


def how_it_ended(code: int) -> str:
    """An exit status in words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with status {code}"


async def unabandoned(work: Callable[[], None]) -> None:
    """Run blocking work in a thread; when cancelled, still wait for its end, for a thread cannot be stopped."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        with suppress(Exception):
            await running
        raise
