"""Sweepers: what becomes due by time alone. They run on every instance; each row is taken by one."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from wayside_jobs.domain.verbs import expire, overdue
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.metrics import JobsMetrics
from wayside_jobs.store import Store
from wayside_service.errors import Unavailable

BATCH_LIMIT = 200
_EXPIRE_INTERVALS = 10
"""Deleting is less urgent than ending what is lost: it happens once in so many sweeps."""

_KEYS_INTERVAL_SECONDS = 60.0
_KEY_LIFE_SECONDS = 24 * 3600
_SCHEDULE_POLL_SECONDS = 1.0
_SCHEDULE_BATCH = 1_000

T = TypeVar("T")

_RANDOM = secrets.SystemRandom()

log = structlog.get_logger("wayside_jobs.sweeping")


class Sweeper:
    """Ends lost and overdue attempts, forces cancels, deletes what expired, lets scheduled jobs go."""

    def __init__(
        self, store: Store, announcer: Announcer, metrics: JobsMetrics, *, interval_seconds: float
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._metrics = metrics
        self._interval_seconds = interval_seconds
        self._scheduled = asyncio.Event()
        announcer.on_scheduled(self._scheduled.set)

    async def run(self) -> None:
        """Sweep, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_every(self._interval_seconds, self.sweep_due))
            group.create_task(_every(_EXPIRE_INTERVALS * self._interval_seconds, self.sweep_expired))
            group.create_task(_every(_KEYS_INTERVAL_SECONDS, self.forget_keys))
            group.create_task(self._run_schedule())

    async def sweep_due(self) -> bool:
        """End attempts that are lost or overdue and cancels whose grace is over; returns whether there are more."""
        async with self._store.transaction() as unit:
            locked = await unit.lock_due(BATCH_LIMIT)
            changes = [overdue(job, draw=_RANDOM.random(), now=locked.now) for job in locked.jobs.values()]
            await unit.write(locked.jobs, changes)
        visible = [change for change in changes if change.fact]
        for change in visible:
            before = locked.jobs[change.job.id]
            log.info("attempt_ended", job_id=before.id, runner=before.runner, status=change.job.status)
        self._metrics.swept.labels("end").inc(len(visible))
        self._announcer.committed(changes)
        return len(changes) >= BATCH_LIMIT

    async def sweep_expired(self) -> bool:
        """Delete jobs whose time to live ended; returns whether there are more."""
        async with self._store.transaction() as unit:
            locked = await unit.lock_expired(BATCH_LIMIT)
            changes = [expire(job, now=locked.now) for job in locked.jobs.values()]
            await unit.delete(changes)
        self._metrics.swept.labels("expire").inc(len(changes))
        self._announcer.committed(changes)
        return len(changes) >= BATCH_LIMIT

    async def forget_keys(self) -> bool:
        """Forget idempotency keys of yesterday; returns whether there are more."""
        forgotten = await self._store.forget_keys(older_than_seconds=_KEY_LIFE_SECONDS, limit=BATCH_LIMIT)
        return forgotten >= BATCH_LIMIT

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
            delay = await _attempt(self.ready_scheduled, otherwise=_SCHEDULE_POLL_SECONDS)
            try:
                async with asyncio.timeout(min(max(delay, 0.0), _SCHEDULE_POLL_SECONDS)):
                    await self._scheduled.wait()
            except TimeoutError:
                continue


async def _every(seconds: float, sweep: Callable[[], Awaitable[bool]]) -> None:
    while True:
        while await _attempt(sweep, otherwise=False):
            pass
        await asyncio.sleep(seconds)


async def _attempt(sweep: Callable[[], Awaitable[T]], *, otherwise: T) -> T:
    """Run one sweep; what fails now is tried again later."""
    try:
        return await sweep()
    except Unavailable as error:
        log.info("sweep_postponed", error=str(error))
    except Exception:
        log.exception("sweep_failed")
    return otherwise
