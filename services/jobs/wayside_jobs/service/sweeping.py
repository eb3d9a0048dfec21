"""What becomes due by time alone: lost and overdue attempts, forced cancels, scheduled jobs.

It runs on every instance; each row is taken by one.
"""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final

import structlog

from wayside_events.jobs import JobStatus
from wayside_jobs.domain.job import Change
from wayside_jobs.domain.verbs import overdue
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.sweeps import Broom, Sweep, attempt, every
from wayside_jobs.store import Store, Unit

_SCHEDULE_POLL_SECONDS = 1.0
_SCHEDULE_BATCH = 1_000

_RANDOM = secrets.SystemRandom()

log = structlog.get_logger("wayside_jobs.sweeping")


class Sweeper:
    """Ends lost and overdue attempts, forces cancels, lets scheduled jobs go."""

    def __init__(self, store: Store, announcer: Announcer, broom: Broom, *, interval_seconds: float) -> None:
        self._store = store
        self._announcer = announcer
        self._broom = broom
        self._interval_seconds = interval_seconds
        self._scheduled = asyncio.Event()
        announcer.on_scheduled(self._scheduled.set)

    async def run(self) -> None:
        """Sweep, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(every(self._interval_seconds, self.sweep_due))
            group.create_task(self._run_schedule())

    async def sweep_due(self) -> bool:
        """End attempts that are lost or overdue and cancels whose grace is over; returns whether there are more."""
        return await self._broom.sweep(_DUE)

    async def ready_scheduled(self) -> float:
        """Let jobs be claimed whose time has come; returns in how many seconds the next one's comes."""
        async with self._store.transaction() as unit:
            queues = await unit.ready_scheduled(_SCHEDULE_BATCH)
        self._announcer.ready(queues)
        seconds = await self._store.next_scheduled()
        return _SCHEDULE_POLL_SECONDS if seconds is None else seconds

    async def _run_schedule(self) -> None:
        while True:
            self._scheduled.clear()
            delay = await attempt(self.ready_scheduled, otherwise=_SCHEDULE_POLL_SECONDS)
            try:
                async with asyncio.timeout(min(max(delay, 0.0), _SCHEDULE_POLL_SECONDS)):
                    await self._scheduled.wait()
            except TimeoutError:
                continue


async def _take(unit: Unit, limit: int) -> Sequence[str]:
    return await unit.take_due(limit)


async def _end(unit: Unit, job_ids: Sequence[str]) -> Sequence[Change]:
    """Do with each job what is due, if anything still is."""
    locked = await unit.lock(job_ids)
    running = [job for job in locked.jobs.values() if job.status is JobStatus.RUNNING]
    changes = [overdue(job, draw=_RANDOM.random(), now=locked.now) for job in running]
    await unit.write(locked.jobs, changes)
    for job, change in zip(running, changes, strict=True):
        if change.fact is not None:
            log.info("attempt_ended", job_id=job.id, runner=job.runner, status=change.job.status)
    return changes


async def _put_off(unit: Unit, job_id: str) -> None:
    await unit.put_off_due(job_id)


_DUE: Final = Sweep("end", _take, _end, _put_off)
