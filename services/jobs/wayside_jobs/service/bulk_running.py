"""The runner inside this service: works on bulk jobs, some of their jobs in each transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime

import structlog
from pydantic import ValidationError

from wayside_events.contracts.jobs import (
    BULK_QUEUE,
    BULK_TYPE,
    Assignment,
    BulkCounts,
    BulkOrder,
    ClaimRequest,
)
from wayside_events.jobs import JobError, JobStatus, Progress
from wayside_jobs.domain import verbs
from wayside_jobs.domain.bulk import BULK_SPEC, counted, wanted_by
from wayside_jobs.domain.errors import SimultaneousChange
from wayside_jobs.domain.family import FamilyLimits
from wayside_jobs.domain.job import Change, Job
from wayside_jobs.domain.values import Json
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.bulk_work import BulkWork, Orderer
from wayside_jobs.service.claiming import ClaimDesk
from wayside_jobs.service.registry import JobTypes
from wayside_jobs.store import Locked, Store, Unit
from wayside_jobs.store.bulk import Bulk
from wayside_service.errors import Unavailable

SLOTS = 4
STEP_LIMIT = 200
"""Jobs one transaction works on at most."""

_POLL_SECONDS = 5.0
_PAUSE_SECONDS = 1.0
_CLOSE_SECONDS = 2.0
"""How long a step may still take; one that takes longer is undone, and its job is lost to the next runner."""

_FORGET_LIMIT = 5_000
_BROKEN = JobError(code="error", message="The bulk action failed; the log of the service says why.")

log = structlog.get_logger("wayside_jobs.bulk")


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An attempt of this runner at a bulk job."""

    assignment: Assignment
    order: BulkOrder

    @property
    def orderer(self) -> Orderer:
        job = self.assignment.job
        return Orderer(job.scope, job.created_by, job.traceparent)


class BulkRunner:
    """Claims bulk jobs at the desk of its own instance, as any runner would, and works on several at once.

    Each step is one transaction: it checks that the attempt is still its own, works on some jobs, and keeps how far it
    is. So whoever dies, and wherever, no job is worked on twice, and the next attempt goes on from there.
    """

    def __init__(
        self,
        store: Store,
        announcer: Announcer,
        desk: ClaimDesk,
        types: JobTypes,
        *,
        name: str,
        limits: FamilyLimits,
    ) -> None:
        self._name = name
        self._types = types
        self._store = store
        self._announcer = announcer
        self._desk = desk
        self._limits = limits
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._is_open = True
        announcer.on_ready(self._hear)

    async def run(self) -> None:
        """Work until `close()`."""
        try:
            while not await self._attempted(lambda: self._types.register(BULK_SPEC)):
                await self._wait()
            while self._is_open:
                self._woken.clear()
                if await self._attempted(self._claim):
                    await self._attempted(self._forget)
                await self._wait()
        except asyncio.CancelledError:
            self._cancel()
            raise

    async def close(self) -> None:
        """Give back what is under way, after the step it is in; another instance goes on with it."""
        self._is_open = False
        self._woken.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE_SECONDS)
        self._cancel()

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _attempted(self, act: Callable[[], Awaitable[None]]) -> bool:
        """Return whether it worked; what did not is tried again later."""
        try:
            await act()
        except Unavailable as error:
            log.info("bulk_postponed", error=str(error))
        except Exception:
            log.exception("bulk_runner_failed")
        else:
            return True
        return False

    def _hear(self, queues: Collection[str]) -> None:
        if BULK_QUEUE in queues:
            self._woken.set()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _claim(self) -> None:
        free = SLOTS - len(self._tasks)
        if free < 1:
            return
        request = ClaimRequest(runner=self._name, queues=(BULK_QUEUE,), job_types=(BULK_TYPE,), slots=free)
        for document in await self._desk.claim(request):
            assignment = Assignment.model_validate_json(document)
            task = asyncio.create_task(self._work(assignment), name=f"bulk-{assignment.job.id}")
            self._tasks.add(task)
            task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._woken.set()

    async def _forget(self) -> None:
        async with self._store.transaction() as unit:
            await Bulk(unit).forget(_FORGET_LIMIT)

    async def _work(self, assignment: Assignment) -> None:
        try:
            attempt = _Attempt(assignment, BulkOrder.model_validate(assignment.job.input))
        except ValidationError as error:
            log.error("bulk_unreadable", job_id=assignment.job.id, error=str(error))  # noqa: TRY400 - the text says it
            await self._give_up(assignment)
            return
        try:
            while self._is_open:
                if not await self._try(attempt):
                    return
            await self._release(assignment)
        except Exception:
            log.exception("bulk_failed", job_id=assignment.job.id)
            await self._give_up(assignment)

    async def _try(self, attempt: _Attempt) -> bool:
        try:
            return await self.step(attempt)
        except (Unavailable, SimultaneousChange) as error:
            log.info("bulk_step_postponed", job_id=attempt.assignment.job.id, error=str(error))
            await asyncio.sleep(_PAUSE_SECONDS)
            return True

    async def step(self, attempt: _Attempt) -> bool:
        """Work on some jobs; returns whether there may be more."""
        bulk_id = attempt.assignment.job.id
        async with self._store.transaction() as unit:
            locked = await unit.lock([bulk_id])
            job = _owned(locked, attempt.assignment)
            if job is None:
                return False
            if job.cancel_requested:
                change = verbs.acknowledge_cancel(job, seq=job.seq + 1, now=locked.now)
                changes, goes_on = [change], False
            else:
                changes, goes_on = await self._advance(unit, attempt, job, locked)
            await unit.write(locked.jobs, changes[-1:])
        self._announcer.committed(changes)
        return goes_on

    async def _advance(
        self, unit: Unit, attempt: _Attempt, job: Job, locked: Locked
    ) -> tuple[list[Change], bool]:
        """Return what changed, the bulk job last, and whether there is more to do."""
        bulk = Bulk(unit)
        counts = await bulk.counts(job.id)
        if counts is None:
            counts = await self._begin(bulk, attempt, job)
            # Noting a million jobs takes longer than a lease, which begins anew now.
            return [_progress(job, counts, await unit.now())], True
        job_ids = await bulk.take(job.id, STEP_LIMIT)
        if not job_ids:
            result = Json(counts.model_dump_json())
            return [verbs.complete(job, result=result, metrics=None, seq=job.seq + 1, now=locked.now)], False
        work = BulkWork(unit, attempt.order, attempt.orderer, self._limits)
        counts = counted(counts, await work.run(job_ids))
        await bulk.save(job.id, counts)
        return [*work.changes, _progress(job, counts, locked.now)], True

    async def _begin(self, bulk: Bulk, attempt: _Attempt, job: Job) -> BulkCounts:
        """Note what is to be worked on: what there was when it was ordered, as far as it still matches."""
        wanted = wanted_by(attempt.order, job.scope, job.created_at)
        return await bulk.begin(job.id, wanted or attempt.order.job_ids or ())

    async def _release(self, assignment: Assignment) -> None:
        await self._end_attempt(assignment, None)

    async def _give_up(self, assignment: Assignment) -> None:
        await self._end_attempt(assignment, _BROKEN)

    async def _end_attempt(self, assignment: Assignment, error: JobError | None) -> None:
        """Let another instance go on, or, with an error, count the attempt; what cannot be said now its lease says."""
        try:
            async with self._store.transaction() as unit:
                locked = await unit.lock([assignment.job.id])
                job = _owned(locked, assignment)
                if job is None:
                    return
                seq, now = job.seq + 1, locked.now
                if error is None:
                    change = verbs.release(job, seq=seq, now=now)
                else:
                    change = verbs.fail(job, error, seq=seq, draw=0.5, now=now)
                await unit.write(locked.jobs, [change])
            self._announcer.committed([change])
        except Exception:
            log.exception("bulk_not_given_back", job_id=assignment.job.id)


def _owned(locked: Locked, assignment: Assignment) -> Job | None:
    """Return the bulk job while the attempt is the one that may work on it."""
    job = locked.jobs.get(assignment.job.id)
    if job is None or not job.is_owned_with(assignment.attempt, assignment.token):
        return None
    return job if job.status is JobStatus.RUNNING else None


def _progress(job: Job, counts: BulkCounts, now: datetime) -> Change:
    said = Progress(current=counts.handled, total=counts.matched, unit="jobs")
    partial = Json(counts.model_dump_json())
    return verbs.progress(job, said, partial, seq=job.seq + 1, now=now)
