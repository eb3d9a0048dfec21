"""A watch over the event loop of a worker: who blocks it is told so, and a deputy speaks for the worker meanwhile."""

import asyncio
import contextlib
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NamedTuple, Protocol, Self

from wayside.errors import HandlerStopped
from wayside.reporting.attempt import Attempt
from wayside_events.jobs import LogLevel

logger = logging.getLogger("wayside.worker")

LOOK_SECONDS = 0.2
BLOCKED_LOOKS = 5
"""Looks without an answer after which an event loop is blocked. Looks and not seconds: in a process that is stopped the
time goes on."""

GIVE_UP_SECONDS = 600.0
"""After so long an event loop is taken to be dead, and the leases end what it runs."""

JOIN_SECONDS = 1.0
_FRAMES = 12
_OWN_CODE = str(Path(__file__).parents[1])
_ASYNCIO = str(Path(asyncio.__file__).parent)


class Deputy(Protocol):
    """Who speaks for a worker whose event loop is blocked."""

    async def stand_in(self, is_needed: Callable[[], bool]) -> None:
        """Do so as long as it is needed; runs in the watch's thread."""


class Culprit(NamedTuple):
    """Where an event loop hangs, and in whose hands it is, as far as that is known."""

    name: str
    attempt: Attempt | None
    stack: str


class LoopWatch:
    """Watches the event loop it is made in, as a context."""

    def __init__(self, deputy: Deputy, attempt_of: Callable[[str], Attempt | None]) -> None:
        self._deputy = deputy
        self._attempt_of = attempt_of
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._answered = threading.Event()
        self._answered_at = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wayside-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            try:
                self._look()
            except RuntimeError:  # the loop is closed
                return
            except Exception:
                logger.exception("the watch over the event loop stumbled")

    def _look(self) -> None:
        """Ask the loop for an answer, and see to it when there is none."""
        self._answered.clear()
        asked_at = time.monotonic()
        self._loop.call_soon_threadsafe(self._answer)
        for _ in range(BLOCKED_LOOKS):
            if self._answered.wait(LOOK_SECONDS) or self._stopped.is_set():
                return
        culprit = self._culprit()
        _accuse(culprit)
        asyncio.run(self._deputy.stand_in(lambda: self._is_silent(asked_at)))
        while not self._answered.wait(LOOK_SECONDS):
            if self._stopped.is_set():
                return
        seconds = self._answered_at - asked_at
        logger.warning("%s blocked the event loop for %.1f s", culprit.name, seconds)

    def _answer(self) -> None:
        self._answered_at = time.monotonic()
        self._answered.set()

    def _is_silent(self, since: float) -> bool:
        is_dead = time.monotonic() - since > GIVE_UP_SECONDS
        if is_dead:
            logger.error("the event loop was blocked for %d s: its jobs are given up", GIVE_UP_SECONDS)
        return not (is_dead or self._answered.is_set() or self._stopped.is_set())

    def _culprit(self) -> Culprit:
        stack = _stack_of(sys._current_frames().get(self._watched))  # noqa: SLF001 - there is no other way to see it
        task = asyncio.current_task(self._loop)
        attempt = self._attempt_of(task.get_name()) if task is not None else None
        if attempt is not None:
            grant = attempt.granted
            return Culprit(f"the handler {grant.job_type!r} (job {grant.job_id})", attempt, stack)
        return Culprit(f"the task {task.get_name()!r}" if task is not None else "something", None, stack)


def _accuse(culprit: Culprit) -> None:
    logger.warning(
        "%s blocks the event loop: what computes, or waits without await, belongs into a plain function, which runs in "
        "a thread\n%s",
        culprit.name,
        culprit.stack,
    )
    if culprit.attempt is not None:
        message = "this handler blocks the event loop of its worker"
        with contextlib.suppress(HandlerStopped):
            culprit.attempt.log(LogLevel.WARNING, message, {"stack": culprit.stack})


def _stack_of(frame: FrameType | None) -> str:
    """The frames below the event loop's own, and ours, as text."""
    frames = traceback.extract_stack(frame)
    below = max((n + 1 for n, one in enumerate(frames) if one.filename.startswith(_ASYNCIO)), default=0)
    below = below if below < len(frames) else 0
    while below < len(frames) - 1 and frames[below].filename.startswith(_OWN_CODE):
        below += 1
    return "".join(traceback.format_list(frames[below:][-_FRAMES:])).rstrip()
