"""Statistics: counted in memory as changes are committed, added up in the database, read with a cache."""

import asyncio
from collections.abc import Sequence

import structlog

from wayside_jobs.domain.claims import Claimed
from wayside_jobs.domain.job import Change
from wayside_jobs.domain.statistics import Place, Tally, count, place_of, sum_of
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

    def _at(self, place: Place) -> Tally:
        tally = self._tallies.get(place)
        if tally is None:
            tally = Tally()
            if len(self._tallies) < PLACES_LIMIT:
                self._tallies[place] = tally
        return tally

    def _count_changes(self, changes: Sequence[Change]) -> None:
        for change in changes:
            job = change.job
            count(self._at(place_of(job.updated_at, job.queue, job.type)), change)

    def _count_claimed(self, jobs: Sequence[Claimed]) -> None:
        for job in jobs:
            tally = self._at(place_of(job.started_at, job.queue, job.type))
            tally.picked_up((job.started_at - job.run_at).total_seconds())
