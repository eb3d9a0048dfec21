"""A worker's shift: what it does between its first claim and its last report."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wayside.errors import Stop
from wayside.proposing import Proposer
from wayside.reporting.attempt import Attempt
from wayside.runner.runner import Runner
from wayside.worker.claiming import Claimer, Slots
from wayside.worker.execution import Execution
from wayside.worker.handlers import JobHandler
from wayside_events.contracts.jobs import Assignment, ClaimRequest

logger = logging.getLogger("wayside.worker")

CLAIM_WAIT_SECONDS = 10.0
"""How long a claim waits for work. It bounds how long an idle worker takes to notice that the instance of the jobs
service which held its claim was killed, and costs one request in this time."""

SHUTDOWN_GRACE_SECONDS = 30.0
STOPPING_SECONDS = 5.0
"""How long handlers may clean up after they were cancelled because the worker ends."""

FLUSH_SECONDS = 10.0
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
        self._proposed_by = proposer
        self._executions: dict[asyncio.Task[None], Attempt] = {}
        self._closing = False
        request = ClaimRequest(
            runner=runner.name,
            queues=queues,
            job_types=tuple(handlers),
            slots=1,
            wait_ms=int(patience.claim_wait * 1000),
        )
        self._claimer = Claimer(
            runner,
            slots,
            request,
            accept=self._accept,
            may_claim=lambda: runner.reporter.backlog < BACKLOG_LIMIT,
        )
        self._claiming = asyncio.create_task(self._claimer.run(), name="claiming")

    async def wind_down(self, hurry: asyncio.Task[bool]) -> None:
        """Claim nothing more and wait for what runs, as long as the grace lasts and nobody hurries."""
        self._closing = True
        self._claiming.cancel()
        idle = asyncio.create_task(self._until_idle(), name="until-idle")
        await asyncio.wait(
            {hurry, idle}, timeout=self._patience.shutdown_grace, return_when=asyncio.FIRST_COMPLETED
        )
        idle.cancel()
        await asyncio.gather(idle, return_exceptions=True)

    async def _until_idle(self) -> None:
        await self._claimer.withdraw()
        while self._executions:
            await asyncio.wait(self._executions)

    async def end(self) -> None:
        """Stop what still runs and give it back, and see that every ending is known."""
        self._closing = True
        self._claiming.cancel()
        await asyncio.gather(self._claiming, return_exceptions=True)
        await self._claimer.close()
        for attempt in self._executions.values():
            attempt.stop(Stop.SHUTDOWN)
        if self._executions:
            await asyncio.wait(self._executions, timeout=self._patience.stopping)
        for task, attempt in self._executions.items():
            logger.error("job %s attempt %d does not end; it is given back and left alone", *attempt.key)
            attempt.release()
            task.cancel()
        if unknown := await self._runner.reporter.drain(self._patience.flush):
            logger.error("%d endings could not be reported; the leases will end these attempts", unknown)

    def _accept(self, assignment: Assignment) -> None:
        attempt = Attempt(assignment)
        attempt.when_settled(self._on_settled(attempt))
        self._runner.add(attempt)
        handler = self._handlers.get(assignment.job.type)
        if self._closing or handler is None or self._slots.has_surplus:
            attempt.release()
            return
        self._slots.running += 1
        proposer = Proposer(self._runner, assignment.job, proposed_by=self._proposed_by)
        execution = Execution(attempt, handler, proposer)
        task = asyncio.create_task(execution.run(), name=f"{assignment.job.type}:{assignment.job.id}")
        self._executions[task] = attempt
        task.add_done_callback(self._on_execution_done)

    def _on_execution_done(self, task: asyncio.Task[None]) -> None:
        del self._executions[task]
        self._slots.running -= 1
        self._claimer.changed()
        if not task.cancelled() and (error := task.exception()):
            logger.error("running %s failed", task.get_name(), exc_info=error)

    def _on_settled(self, attempt: Attempt) -> Callable[[], None]:
        def settled() -> None:
            self._runner.remove(attempt)
            self._claimer.changed()

        return settled
