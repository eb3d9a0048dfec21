"""The reporter: one batch in flight, sent again until it is answered."""

import asyncio
import contextlib
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from threading import get_ident
from typing import assert_never

from wayside.errors import Stop
from wayside.reporting.attempt import Attempt
from wayside.reporting.outcomes import Consequence, consequence_of, substitute_for
from wayside.reporting.queue import Entry, ReportQueue
from wayside_events.bus import BusError, BusUnavailable, RequestRefused
from wayside_events.contracts.jobs import Outcome, ReportOutcome
from wayside_events.contracts.problems import Problem

logger = logging.getLogger("wayside.runner")

Send = Callable[[Sequence[bytes], float], Awaitable[Sequence[ReportOutcome]]]
"""Carries a batch of reports, each as JSON, to the jobs service, which has so many seconds to answer, and returns one
outcome for each.

Raises `RequestRefused` when the batch as such is not accepted, another `BusError` when it may be sent again."""

ANSWER_LEAST_SECONDS = 2.0
ANSWER_MOST_SECONDS = 10.0
RETRY_FIRST_SECONDS = 0.1
RETRY_MOST_SECONDS = 2.0
PULSE_REPORTS = 500


class Reporter:
    """Sends what attempts say, and tells them what the jobs service says back.

    It belongs to one event loop; attempts may speak from any thread. A batch that got no answer is sent again
    unchanged, for as long as it takes: each report has a number, so a repeat is harmless.
    """

    def __init__(self, send: Send, *, max_bytes: Callable[[], int], queue: ReportQueue | None = None) -> None:
        self._send = send
        self._max_bytes = max_bytes
        self._queue = queue or ReportQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        self._woken: deque[Attempt] = deque()
        self._wake = asyncio.Event()
        self._retry_now = asyncio.Event()
        self._settled = asyncio.Event()
        self._speaking = threading.Lock()
        self._in_flight: list[Entry] = []

    @property
    def backlog(self) -> int:
        """How many attempts have ended without the jobs service knowing it."""
        return self._queue.backlog

    @property
    def known(self) -> int:
        """How many attempts are reported for: those that run, and those whose ending is not known yet."""
        return len(self._queue)

    def add(self, attempt: Attempt) -> None:
        """Begin to report for an attempt, until its ending is known or it is fenced."""
        attempt.wake = self._on_wake
        self._queue.add(attempt, time.monotonic())
        self._wake.set()

    def discard(self, attempt: Attempt) -> None:
        """Report nothing more for an attempt."""
        self._queue.remove(attempt)
        self._settled.set()

    def hurry(self) -> None:
        """Send a batch that waits for its next try at once: the connection is back."""
        self._retry_now.set()

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            try:
                await self._report_next()
            except Exception:
                logger.exception("a batch of reports was dropped")
                await asyncio.sleep(RETRY_MOST_SECONDS)

    async def _report_next(self) -> None:
        """Wait until something is due, and deliver it."""
        self._take_woken()
        now = time.monotonic()
        due_at = self._queue.due_at(now)
        if due_at is None or due_at > now:
            await self._sleep(None if due_at is None else due_at - now)
        elif batch := self._next_batch(now):
            await self._deliver(batch)

    def _next_batch(self, now: float) -> list[Entry]:
        with self._speaking:
            self._in_flight = self._queue.next_batch(now, max_bytes=self._max_bytes())
            return self._in_flight

    def pulse(self) -> list[list[bytes]]:
        """Return batches of reports that keep every lease while this event loop is blocked; from any thread.

        What has a number and no answer yet goes first, again: after a higher number it would count as said before.
        """
        with self._speaking:
            unanswered = [entry.payload for entry in self._in_flight]
            beats = [entry.payload for entry in self._queue.pulse()]
        batches = [beats[start : start + PULSE_REPORTS] for start in range(0, len(beats), PULSE_REPORTS)]
        return [unanswered, *batches] if unanswered else batches

    @property
    def heartbeat_seconds(self) -> float:
        """How often the attempt with the shortest lease has to be heard of; may be called from any thread."""
        return self._queue.heartbeat_seconds

    async def drain(self, timeout_seconds: float) -> int:
        """Wait until every ending is known; returns how many are not after `timeout_seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while self._queue.backlog:
                    self._settled.clear()
                    await self._settled.wait()
        return self._queue.backlog

    def _on_wake(self, attempt: Attempt) -> None:
        self._woken.append(attempt)
        if get_ident() == self._thread:
            self._wake.set()
            return
        # The loop is closed only when the process ends with a handler thread still at work.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._wake.set)

    def _take_woken(self) -> None:
        self._wake.clear()
        while self._woken:
            self._queue.mark(self._woken.popleft())

    async def _sleep(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _deliver(self, batch: list[Entry]) -> None:
        sent_at, outcomes = await self._answered(batch)
        self._queue.heard(batch, sent_at)
        self._in_flight = []
        for entry, outcome in zip(batch, outcomes, strict=True):
            self._apply(entry, outcome)

    async def _answered(self, batch: list[Entry]) -> tuple[float, Sequence[ReportOutcome]]:
        delay = RETRY_FIRST_SECONDS
        while True:
            sent_at = time.monotonic()
            try:
                return sent_at, await self._send_whole(batch, self._patience)
            except BusError as error:
                logger.log(_severity(error), "%d reports wait: %s", len(batch), error)
            await self._pause(delay * random.uniform(0.75, 1.25))  # noqa: S311 - jitter
            delay = min(delay * 2, RETRY_MOST_SECONDS)

    @property
    def _patience(self) -> float:
        """How long to wait for an answer: an instance that was killed with a batch shall cost no lease."""
        return max(ANSWER_LEAST_SECONDS, min(ANSWER_MOST_SECONDS, self._queue.heartbeat_seconds))

    async def _send_whole(self, batch: list[Entry], seconds: float) -> Sequence[ReportOutcome]:
        """Send; a batch that is refused as such goes report by report, to find the one at fault."""
        # A report of logs is bounded where it is made, far below what NATS takes by default.
        if len(batch) == 1 and batch[0].kind != "log" and batch[0].size > self._max_bytes():
            return [_invalid(batch[0], _too_large(batch[0].size, self._max_bytes()))]
        try:
            return await self._send([entry.payload for entry in batch], seconds)
        except RequestRefused as refused:
            if len(batch) == 1:
                return [_invalid(batch[0], refused.problem)]
        return [outcome for entry in batch for outcome in await self._send_whole([entry], seconds)]

    async def _pause(self, seconds: float) -> None:
        self._retry_now.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._retry_now.wait()

    def _apply(self, entry: Entry, outcome: ReportOutcome) -> None:
        attempt = entry.attempt
        if attempt not in self._queue:
            return
        consequence = consequence_of(entry.kind, outcome, refusals=attempt.ending_refusals)
        match consequence:
            case Consequence.NOTHING:
                pass
            case Consequence.CANCEL:
                attempt.stop(Stop.CANCEL)
            case Consequence.SETTLED:
                self._settle(attempt)
            case Consequence.FENCED:
                self._fence(attempt, entry.kind)
            case Consequence.DROPPED:
                logger.warning("job %s: report '%s' was refused: %s", *_about(entry, outcome))
            case Consequence.SUBSTITUTE:
                logger.error("job %s: report '%s' was refused, it fails: %s", *_about(entry, outcome))
                attempt.substitute(substitute_for(entry.kind, outcome.problem, attempt.ending_refusals))
                attempt.ending_refusals += 1
            case Consequence.ABANDONED:
                logger.error("job %s: no ending is taken in, not even '%s': %s", *_about(entry, outcome))
                self._settle(attempt)
            case _:
                assert_never(consequence)

    def _fence(self, attempt: Attempt, kind: str) -> None:
        # What nobody wants to keep is no loss.
        logger.log(
            logging.DEBUG if kind == "release" else logging.WARNING,
            "job %s attempt %d is not ours any more; '%s' and what follows it is discarded",
            *attempt.key,
            kind,
        )
        attempt.stop(Stop.FENCED)
        self._settle(attempt)

    def _settle(self, attempt: Attempt) -> None:
        self._queue.remove(attempt)
        attempt.settle()
        self._settled.set()


def _severity(error: BusError) -> int:
    return logging.INFO if isinstance(error, BusUnavailable) else logging.ERROR


def _invalid(entry: Entry, problem: Problem) -> ReportOutcome:
    return ReportOutcome(job_id=entry.attempt.granted.job_id, outcome=Outcome.INVALID, problem=problem)


def _too_large(size: int, limit: int) -> Problem:
    detail = f"The report has {size:,} bytes as JSON; a request takes {limit:,}."
    return Problem(title="Payload too large", status=413, code="payload_too_large", detail=detail)


def _about(entry: Entry, outcome: ReportOutcome) -> tuple[str, str, str]:
    problem = outcome.problem
    return (
        entry.attempt.granted.job_id,
        entry.kind,
        f"{problem.code}: {problem.detail}" if problem else "no reason",
    )
