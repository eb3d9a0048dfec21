"""What is deleted when its time is over, a batch at a time: finished jobs with their logs, and old records."""

import asyncio
from collections.abc import Sequence
from typing import Final

from wayside_jobs.domain.job import Change, Job
from wayside_jobs.domain.states import TERMINAL
from wayside_jobs.domain.verbs import expire
from wayside_jobs.service.sweeps import Broom, Sweep, every
from wayside_jobs.store import Unit
from wayside_jobs.store.retention import Expiry, Old

LOG_ENTRIES_LIMIT = 20_000
"""Log entries one transaction deletes at most."""

_OLD_LIMIT = 1_000
_OLD_INTERVAL_SECONDS = 60.0
_DAY_SECONDS = 24 * 3600.0

_EXPIRE_INTERVALS = 10
"""Deleting is less urgent than ending what is lost: it happens once in so many sweeps."""


class Retention:
    """Deletes finished jobs after their time to live, and what else is a day old. It runs on every instance."""

    def __init__(self, old: Old, broom: Broom, *, interval_seconds: float) -> None:
        self._old = old
        self._broom = broom
        self._interval_seconds = _EXPIRE_INTERVALS * interval_seconds

    async def run(self) -> None:
        """Delete, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(every(self._interval_seconds, self.expire_jobs))
            for forget in (self.forget_keys, self.forget_runners, self.forget_stats):
                group.create_task(every(_OLD_INTERVAL_SECONDS, forget))

    async def expire_jobs(self) -> bool:
        """Delete some jobs whose time to live ended; returns whether there may be more."""
        return await self._broom.sweep(_EXPIRED)

    async def forget_keys(self) -> bool:
        """Forget some idempotency keys of yesterday; returns whether there may be more.

        Those of children stay while the parent is active: another attempt of it shall find the children it has.
        """
        return await self._old.forget_keys(older_than_seconds=_DAY_SECONDS, limit=_OLD_LIMIT) >= _OLD_LIMIT

    async def forget_runners(self) -> bool:
        """Forget some runners that nobody has heard of for a day; returns whether there may be more."""
        forgotten = await self._old.forget_runners(silent_for_seconds=_DAY_SECONDS, limit=_OLD_LIMIT)
        return forgotten >= _OLD_LIMIT

    async def forget_stats(self) -> bool:
        """Forget some counts of yesterday; returns whether there may be more."""
        forgotten = await self._old.forget_stats(older_than_seconds=_DAY_SECONDS, limit=_OLD_LIMIT)
        return forgotten >= _OLD_LIMIT


def fitting(jobs: Sequence[Job], limit: int) -> Sequence[Job]:
    """The first of `jobs` whose logs have at most `limit` entries together."""
    entries = 0
    for place, job in enumerate(jobs):
        entries += job.log_entries
        if entries > limit:
            return jobs[:place]
    return jobs


async def _take(unit: Unit, limit: int) -> Sequence[str]:
    return await Expiry(unit).take(limit)


async def _expire(unit: Unit, job_ids: Sequence[str]) -> Sequence[Change]:
    """Delete as many of the jobs as one transaction should; of a single one that is too large, a part of its log.

    A parent stays as long as an ancestor of its may be canceled: the cascade finds what is below it by its row.
    """
    locked = await unit.lock(job_ids)
    ended = [
        job
        for job in locked.jobs.values()
        if job.status in TERMINAL and job.expires_at is not None and job.expires_at <= locked.now
    ]
    expiry = Expiry(unit)
    needed = await expiry.below_active([job.id for job in ended if job.child_count and job.parent_id])
    if needed:
        await expiry.put_off(sorted(needed))
        ended = [job for job in ended if job.id not in needed]
    gone = fitting(ended, LOG_ENTRIES_LIMIT)
    if not gone and ended:
        await expiry.shorten_log(ended[0].id, ended[0].log_dropped + LOG_ENTRIES_LIMIT)
        return ()
    with_logs = [job.id for job in gone if job.log_seq]
    if with_logs:
        await expiry.delete_logs(with_logs)
    changes = [expire(job, now=locked.now) for job in gone]
    await unit.delete(changes)
    return changes


async def _put_off(unit: Unit, job_id: str) -> None:
    await Expiry(unit).put_off([job_id])


_EXPIRED: Final = Sweep("expire", _take, _expire, _put_off)
