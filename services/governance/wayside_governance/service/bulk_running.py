"""Jobs that work on large bulks: made in the jobs service, and done here, by whichever instance claims them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Final

import structlog
from aiohttp import web

from wayside import Context, WaysideError, Worker
from wayside.errors import Stop
from wayside_events.bus import Bus, BusError, BusSettings, RequestRefused
from wayside_events.contracts.governance import (
    DECISION_BULK_QUEUE,
    DECISION_BULK_TYPE,
    DecisionBulkCounts,
    DecisionBulkJob,
    DecisionBulkState,
)
from wayside_events.contracts.jobs import (
    CREATE_SUBJECT,
    GET_SUBJECT,
    CreateReply,
    CreateRequest,
    GetRequest,
    JobCreate,
    JobReply,
)
from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobStatus
from wayside_governance.domain.bulk import Bulk
from wayside_governance.service.bulk_work import BulkWork
from wayside_governance.store import bulk as stored
from wayside_service.database import Database
from wayside_service.errors import DatabaseUnavailable
from wayside_service.tasks import background

LOOK_SECONDS: Final = 5.0
QUIET_SECONDS: Final = 15.0
"""A bulk nobody has worked on for so long may have lost who worked on it."""

_JOB_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 2.0
_ATTEMPTS: Final = 100
_LEASE_SECONDS: Final = 10.0
_BATCH: Final = 100
_DROP_BATCH: Final = 5_000
_BREATH_SECONDS: Final = 0.2
_NO_SUCH_JOB: Final = "not_found"
_FINAL_CODES: Final = frozenset({"idempotency_key_reused", "invalid_input", "refused", "too_large"})
"""With these the jobs service refuses a job that it will refuse again; a type that is not registered yet will be."""

_ENDINGS: Final = {
    JobStatus.CANCELED: DecisionBulkState.CANCELED,
    JobStatus.FAILED: DecisionBulkState.FAILED,
}

log = structlog.get_logger("wayside_governance.bulk")


class BulkRunner:
    """Sees that every large bulk has a job, and does such jobs."""

    def __init__(self, database: Database, work: BulkWork, bus: Bus) -> None:
        self._database = database
        self._work = work
        self._bus = bus
        self._without_job: set[EntityId] = set()

    def worker(self, nats: BusSettings, *, slots: int) -> Worker:
        """Return a worker for such jobs, on a connection of its own."""
        worker = Worker(queues=(DECISION_BULK_QUEUE,), slots=slots, name="governance", nats=nats)
        worker.job(
            DECISION_BULK_TYPE,
            label="Bulk decision",
            description="Decides many suggestions of a graph.",
            icon="checks",
            max_attempts=_ATTEMPTS,
            lease_seconds=_LEASE_SECONDS,
        )(self._run_job)
        return worker

    async def employ(self, bulk: Bulk) -> Bulk:
        """Make the job of a bulk; where that cannot be done now, the backstop does it later.

        A bulk whose job is refused for good has failed.
        """
        wanted = JobCreate(
            type=DECISION_BULK_TYPE,
            scope=bulk.scope,
            input=DecisionBulkJob(bulk_id=bulk.id).model_dump(mode="json"),
            queue=DECISION_BULK_QUEUE,
        )
        request = CreateRequest(job=wanted, created_by=bulk.asked_by, idempotency_key=f"bulk-{bulk.id}")
        try:
            reply = await self._bus.request(
                CREATE_SUBJECT, request, CreateReply, timeout_seconds=_JOB_SECONDS
            )
        except BusError as error:
            if isinstance(error, RequestRefused) and error.problem.code in _FINAL_CODES:
                self._without_job.discard(bulk.id)
                log.warning("bulk_job_refused", bulk_id=bulk.id, error=str(error))
                return await self._end(bulk.id, DecisionBulkState.FAILED) or bulk
            if bulk.id not in self._without_job:
                log.warning("bulk_without_job", bulk_id=bulk.id, error=str(error))
            self._without_job.add(bulk.id)
            return bulk
        self._without_job.discard(bulk.id)
        async with self._database.acquire() as connection:
            return await stored.set_job(connection, bulk.id, reply.job.id)

    async def look(self) -> None:
        """Look for bulks that nobody works on, and for items nobody needs, for ever."""
        pause = LOOK_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = LOOK_SECONDS
            try:
                await self.take_up()
                if await self._drop() >= _DROP_BATCH:
                    pause = _BREATH_SECONDS
            except DatabaseUnavailable:
                log.debug("bulks_not_looked_at")
            except Exception:
                log.exception("bulks_not_looked_at")

    async def _drop(self) -> int:
        async with self._database.transaction() as connection:
            return await stored.drop(connection, _DROP_BATCH)

    async def take_up(self, *, quiet_seconds: float = QUIET_SECONDS) -> None:
        """Give bulks that have none a job, and end those whose job has ended."""
        async with self._database.acquire() as connection:
            bulks = await stored.quiet(connection, seconds=quiet_seconds, limit=_BATCH)
        for bulk in bulks:
            if bulk.job_id is None:
                await self.employ(bulk)
            elif (ending := await self._ending(bulk, bulk.job_id)) is not None:
                await self._end(bulk.id, ending)

    async def _ending(self, bulk: Bulk, job_id: EntityId) -> DecisionBulkState | None:
        """Return how a bulk whose job has ended ends; None while that may go on, or is not known."""
        request = GetRequest(scope=bulk.scope, job_id=job_id)
        try:
            reply = await self._bus.request(GET_SUBJECT, request, JobReply, timeout_seconds=_JOB_SECONDS)
        except RequestRefused as refused:
            return DecisionBulkState.FAILED if refused.problem.code == _NO_SUCH_JOB else None
        except BusError:
            return None
        return _ENDINGS.get(reply.job.status)

    async def _end(self, bulk_id: str, state: DecisionBulkState) -> Bulk | None:
        async with self._database.acquire() as connection:
            return await stored.finish(connection, bulk_id, state)

    async def _run_job(self, ctx: Context, input: DecisionBulkJob) -> DecisionBulkCounts:  # noqa: A002 - the SDK's name
        counts = DecisionBulkCounts(matched=0)
        try:
            async for step in self._work.run(input.bulk_id, ctx.scope):
                bulk = step.bulk
                counts = DecisionBulkCounts(
                    matched=bulk.matched, decided=bulk.decided, changed=bulk.changed, refused=bulk.refused
                )
                ctx.progress(current=counts.handled, total=bulk.matched, unit="suggestions")
        except asyncio.CancelledError:
            if ctx.stopping is Stop.CANCEL:
                await self._end(input.bulk_id, DecisionBulkState.CANCELED)
            raise
        return counts


def bulk_resource(
    runner: BulkRunner, nats: BusSettings, *, slots: int
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the `cleanup_ctx` that has large bulks worked on; with no slots, by other instances only."""

    async def context(_app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as tasks:
            _ = await tasks.enter_async_context(background(runner.look(), "bulk-backstop"))
            if slots:
                worker = runner.worker(nats, slots=slots)
                _ = await tasks.enter_async_context(background(_serve(worker), "bulk-worker"))
            yield

    return context


async def _serve(worker: Worker) -> None:
    while True:
        try:
            await worker.serve()
        except WaysideError as error:
            log.warning("bulk_worker_refused", error=str(error))
        await asyncio.sleep(_RETRY_SECONDS)
