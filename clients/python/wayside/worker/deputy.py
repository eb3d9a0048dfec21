"""Speaks for a worker whose event loop is blocked: keeps the leases, and gives back what the worker cannot hear of."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from wayside.runner.runner import Runner
from wayside.worker.claiming import Claimer
from wayside_events.bus import Bus, BusError, BusSettings
from wayside_events.contracts.jobs import (
    BEAT_SUBJECT,
    REPORT_SUBJECT,
    WITHDRAW_SUBJECT,
    BeatReply,
    BeatRequest,
    HeldAttempt,
    ReportReply,
    WithdrawReply,
    WithdrawRequest,
)
from wayside_events.identifiers import EntityId

logger = logging.getLogger("wayside.worker")

ANSWER_SECONDS = 2.0
LOOK_SECONDS = 0.1
ROUND_MOST_SECONDS = 5.0


class Deputy:
    """Speaks over a connection of its own, in whatever event loop it is called.

    What it says is harmless should the worker come to life at any moment: the worker's reports that are not answered
    are said again before anything newer is, and what it gives back the worker does not begin.
    """

    def __init__(self, runner: Runner, claimer: Claimer, settings: BusSettings) -> None:
        self._runner = runner
        self._claimer = claimer
        self._settings = settings

    async def stand_in(self, is_needed: Callable[[], bool]) -> None:
        """Speak for the worker as long as that is needed."""
        bus = Bus(self._settings)
        bus.start()
        try:
            while is_needed():
                try:
                    await self._speak(bus)
                except BusError as error:
                    logger.debug("nobody could be told that the event loop is blocked: %s", error)
                await self._pause(is_needed)
        finally:
            self._claimer.resume()
            await bus.close()

    async def _speak(self, bus: Bus) -> None:
        await bus.ready(ANSWER_SECONDS)
        for reports in self._runner.reporter.pulse():
            await self._report(bus, reports)
        held = tuple(
            HeldAttempt(job_id=EntityId(job_id), attempt=attempt)
            for job_id, attempt in self._claimer.surrender()
        )
        request = WithdrawRequest(runner=self._runner.name, held=held)
        await bus.request(WITHDRAW_SUBJECT, request, WithdrawReply, timeout_seconds=ANSWER_SECONDS)
        beat = BeatRequest(runner=self._runner.name, **self._runner.state().model_dump())
        await bus.request(BEAT_SUBJECT, beat, BeatReply, timeout_seconds=ANSWER_SECONDS)

    async def _report(self, bus: Bus, reports: Sequence[bytes]) -> None:
        """Send reports; what they are answered the worker finds out when it says something itself."""
        body = self._runner.report_body(reports)
        await bus.exchange(
            REPORT_SUBJECT, body, ReportReply.model_validate_json, timeout_seconds=ANSWER_SECONDS
        )

    async def _pause(self, is_needed: Callable[[], bool]) -> None:
        ends_at = asyncio.get_running_loop().time() + min(
            self._runner.reporter.heartbeat_seconds, ROUND_MOST_SECONDS
        )
        # A thread's event cannot be awaited.
        while is_needed() and asyncio.get_running_loop().time() < ends_at:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
