"""Statistics: counted in memory as changes are committed, added up in the database, read with a cache."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog

from wayside_jobs.domain.claims import Claimed
from wayside_jobs.domain.job import Change
from wayside_jobs.domain.statistics import COUNTED, Place, Tally, count, sum_of
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.store.statistics import Stats
from wayside_service.errors import Unavailable

FLUSH_SECONDS = 2.0

PLACES_LIMIT = 10_000
"""Minutes, queues and types counted while the database is away; what is more is not counted."""

log = structlog.get_logger("wayside_jobs.statistics")


class Statistics:
    """Counts what this instance commits."""

    def __init__(self, stats: Stats, announcer: Announcer) -> None:
        self._stats = stats
        self._tallies: dict[Place, Tally] = {}
        announcer.on_changes(self._count_changes)
        announcer.on_claimed(self._count_claimed)

    async def run(self) -> None:
        """Add up in the database what was counted, every two seconds, for ever."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Add up what was counted; what cannot be written now is written the next time."""
        taken, self._tallies = self._tallies, {}
        if not taken:
            return
        try:
            await self._stats.add(taken)
        except Unavailable as error:
            log.info("statistics_postponed", error=str(error))
            self._put_back(taken)
        except Exception:
            log.exception("statistics_lost")

    def _put_back(self, taken: dict[Place, Tally]) -> None:
        newer, self._tallies = self._tallies, taken
        for place, tally in newer.items():
            self._tallies[place] = sum_of([taken[place], tally]) if place in taken else tally

    def _count_changes(self, changes: Sequence[Change]) -> None:
        batch = _Batch(self._tallies)
        for change in changes:
            if type(change.fact) in COUNTED:
                job = change.job
                count(batch.at(job.updated_at, job.queue, job.type), change)

    def _count_claimed(self, jobs: Sequence[Claimed]) -> None:
        batch = _Batch(self._tallies)
        for job in jobs:
            tally = batch.at(job.started_at, job.queue, job.type)
            tally.picked_up((job.started_at - job.run_at).total_seconds())


class _Batch:
    """Finds tallies fast for what was committed together: most of it happened at one moment."""

    def __init__(self, tallies: dict[Place, Tally]) -> None:
        self._tallies = tallies
        self._found: dict[tuple[datetime, str, str], Tally] = {}

    def at(self, moment: datetime, queue: str, job_type: str) -> Tally:
        tally = self._found.get((moment, queue, job_type))
        if tally is None:
            place = Place(moment.replace(second=0, microsecond=0), queue, job_type)
            tally = self._tallies.get(place) or self._new(place)
            self._found[moment, queue, job_type] = tally
        return tally

    def _new(self, place: Place) -> Tally:
        tally = Tally()
        if len(self._tallies) < PLACES_LIMIT:
            self._tallies[place] = tally
        return tally
