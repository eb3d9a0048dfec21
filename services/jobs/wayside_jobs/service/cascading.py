"""Cancels go down the tree: some children at a time, on any instance, until all have been asked."""

import asyncio

import structlog

from wayside_jobs.domain.errors import SimultaneousChange
from wayside_jobs.domain.states import TERMINAL
from wayside_jobs.domain.verbs import request_cancel
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.metrics import JobsMetrics
from wayside_jobs.store import Store
from wayside_jobs.store.family import Cause, Family
from wayside_service.errors import Unavailable

PARENTS_LIMIT = 100
CHILDREN_LIMIT = 500
"""Jobs one transaction asks to end at most."""

_UNKNOWN_CAUSE = Cause("wayside", None)
"""Who canceled is not known any more when the canceled ancestor has been deleted meanwhile."""

log = structlog.get_logger("wayside_jobs.cascading")


class Cascader:
    """Asks the children of canceled jobs to end, and theirs.

    What is left to do is said by the rows themselves (`is_cascading`), so an instance that dies leaves nothing behind
    that another does not find within `interval_seconds`.
    """

    def __init__(
        self, store: Store, announcer: Announcer, metrics: JobsMetrics, *, interval_seconds: float
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._metrics = metrics
        self._interval_seconds = interval_seconds
        self._woken = asyncio.Event()
        announcer.on_cascading(self._woken.set)

    async def run(self) -> None:
        """Cascade, for ever."""
        while True:
            self._woken.clear()
            while await self._try():
                pass
            try:
                async with asyncio.timeout(self._interval_seconds):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def step(self) -> bool:
        """Ask some children to end; returns whether there may be more to do."""
        async with self._store.transaction() as unit:
            family = Family(unit)
            told = await family.lock_told_next(parents=PARENTS_LIMIT, children=CHILDREN_LIMIT)
            if not told:
                return await family.end_cascades(PARENTS_LIMIT) > 0
            locked = await unit.lock(list(told))
            causes = await family.causes(set(told.values()))
            changes = []
            for job in locked.jobs.values():
                if job.status not in TERMINAL:
                    cause = causes.get(told[job.id], _UNKNOWN_CAUSE)
                    changes.append(
                        request_cancel(
                            job, requested_by=cause.requested_by, reason=cause.reason, now=locked.now
                        )
                    )
            await unit.write(locked.jobs, changes)
        self._metrics.swept.labels("cascade").inc(len(changes))
        self._announcer.committed(changes)
        return True

    async def _try(self) -> bool:
        try:
            return await self.step()
        except (Unavailable, SimultaneousChange) as error:
            log.info("cascade_postponed", error=str(error))
        except Exception:
            log.exception("cascade_failed")
        return False
