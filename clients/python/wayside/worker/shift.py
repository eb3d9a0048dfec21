"""A worker's shift: what it does between its first claim and its last report."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from wayside.context import Surroundings
from wayside.errors import Stop
from wayside.reporting.attempt import Attempt
from wayside.reporting.encoding import clip
from wayside.reporting.grant import Grant
from wayside.runner.runner import Runner
from wayside.worker.claiming import Claimer
from wayside.worker.deadlines import Deadlines
from wayside.worker.execution import Execution
from wayside.worker.handlers import JobHandler
from wayside.worker.slots import Slots
from wayside_events.contracts.jobs import BeatBody, ClaimRequest

logger = logging.getLogger("wayside.worker")

CLAIM_WAIT_SECONDS = 10.0
"""How long a claim waits for work. It bounds how long an idle worker takes to notice that the instance of the jobs
service which held its claim was killed, and costs one request in this time."""

SHUTDOWN_GRACE_SECONDS = 30.0
STOPPING_SECONDS = 5.0
"""How long handlers may clean up after they were cancelled because the worker ends."""

FLUSH_SECONDS = 10.0
REASON_LIMIT = 200
BACKLOG_LIMIT = 2_000
"""Endings that may wait for their answer before no more work is claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a worker waits for what, in seconds."""

    claim_wait: float = CLAIM_WAIT_SECONDS
    shutdown_grace: float = SHUTDOWN_GRACE_SECONDS
    stopping: float = STOPPING_SECONDS
    flush: float = FLUSH_SECONDS


class Shift:
    """What a worker does between its first claim and its last report."""

    def __init__(
        self,
        runner: Runner,
        slots: Slots,
        handlers: Mapping[str, JobHandler],
        patience: Patience,
        *,
        queues: tuple[str, ...],
        proposer: str,
    ) -> None:
        self._runner = runner
        self._slots = slots
        self._handlers = handlers
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._surroundings = Surroundings(runner, proposer, self._loop)
        self._deadlines = Deadlines()
        self._executions: dict[Execution, asyncio.Task[None]] = {}
        self._abandoned: dict[Execution, asyncio.Task[None]] = {}
        self._closing = False
        runner.state = self._state
        request = ClaimRequest(
            runner=runner.name,
            queues=queues,
            job_types=tuple(handlers),
            slots=1,
            wait_ms=int(patience.claim_wait * 1000),
        )
        self.claimer = Claimer(
            runner,
            slots,
            request,
            accept=self._accept,
            give_back=self._give_back,
            may_claim=lambda: runner.reporter.known < slots.total + BACKLOG_LIMIT,
        )
        self._claiming = asyncio.create_task(self.claimer.run(), name="claiming")

    async def wind_down(self, hurry: asyncio.Task[bool]) -> None:
        """Claim nothing more and wait for what runs, as long as the grace lasts and nobody hurries."""
        self._closing = True
        self._runner.beat()
        self._claiming.cancel()
        idle = asyncio.create_task(self._until_idle(), name="until-idle")
        await asyncio.wait(
            {hurry, idle}, timeout=self._patience.shutdown_grace, return_when=asyncio.FIRST_COMPLETED
        )
        idle.cancel()
        await asyncio.gather(idle, return_exceptions=True)

    async def _until_idle(self) -> None:
        await self.claimer.withdraw()
        while self._executions:
            await asyncio.wait(self._executions.values())

    async def end(self) -> None:
        """Stop what still runs and give it back, and see that every ending is known."""
        self._closing = True
        self._claiming.cancel()
        await asyncio.gather(self._claiming, return_exceptions=True)
        await self.claimer.close()
        for execution in list(self._executions):
            execution.attempt.stop(Stop.SHUTDOWN)
        if self._executions:
            await asyncio.wait(self._executions.values(), timeout=self._patience.stopping)
        for execution, task in (self._executions | self._abandoned).items():
            if not execution.attempt.is_abandoned:
                execution.leave_alone()
            task.cancel()
        self._deadlines.close()
        if unknown := await self._runner.reporter.drain(self._patience.flush):
            logger.error("%d endings could not be reported; the leases will end these attempts", unknown)

    def attempt_of(self, job_id: str) -> Attempt | None:
        """Return the attempt at a job that runs here; may be called from any thread."""
        running = (execution.attempt for execution in list(self._executions))
        return next((attempt for attempt in running if attempt.granted.job_id == job_id), None)

    def _give_back(self, grant: Grant) -> None:
        """Release what never began."""
        logger.info("job %s attempt %d is given back before it began", *grant.key)
        self._taken(grant).release()

    def _taken(self, grant: Grant) -> Attempt:
        attempt = Attempt(grant)
        attempt.when_settled(self._on_settled)
        self._runner.add(attempt)
        return attempt

    def _accept(self, grant: Grant) -> None:
        handler = self._handlers.get(grant.job_type)
        if self._closing or handler is None or self._slots.has_surplus:
            self._give_back(grant)
            return
        if grant.attempt > 1:
            _note_repeat(grant)
        attempt = self._taken(grant)
        seat = self._slots.take()
        execution = Execution(attempt, handler, self._surroundings, seat, self)
        if grant.timeout_seconds:
            self._deadlines.add(attempt, grant.timeout_seconds)
        self._executions[execution] = self._loop.create_task(execution.run(), name=grant.job_id)

    def on_end(self, execution: Execution) -> None:
        """A handler has ended, in whatever way."""
        if self._executions.pop(execution, None) is None:
            self._abandoned.pop(execution, None)
        self._deadlines.remove(execution.attempt)
        execution.seat.leave()

    def on_abandoned(self, execution: Execution) -> None:
        """A handler was left alone. Its slot is free for others. Should the jobs service not force the end, the lease will."""
        if task := self._executions.pop(execution, None):
            self._abandoned[execution] = task
        attempt = execution.attempt
        self._deadlines.remove(attempt)
        execution.seat.leave()
        self._loop.call_later(attempt.granted.lease_seconds, self._forget, attempt)

    def _forget(self, attempt: Attempt) -> None:
        if not attempt.is_settled:
            self._runner.reporter.discard(attempt)
            self._on_settled(attempt)

    def _state(self) -> BeatBody:
        return BeatBody(
            running=len(self._executions),
            slots=self._slots.total,
            abandoned=len(self._abandoned),
            is_draining=self._closing,
        )

    def _on_settled(self, attempt: Attempt) -> None:
        self._runner.remove(attempt)
        self.claimer.changed()


def _note_repeat(grant: Grant) -> None:
    """Say why a job comes again."""
    error = grant.job.last_error
    reason = (
        f"{error.code}: {clip(error.message, REASON_LIMIT)}" if error else "the last attempt was given back"
    )
    logger.info(
        "job %s (%s) is delivered again, attempt %d of %d: %s",
        grant.job_id,
        grant.job_type,
        grant.attempt,
        grant.job.max_attempts,
        reason,
    )
