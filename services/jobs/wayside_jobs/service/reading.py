"""Reading jobs and their logs."""

from collections.abc import Callable

import orjson

from wayside_jobs.domain.documents import job_document, job_fields, log_entry
from wayside_jobs.domain.errors import JobNotFound
from wayside_jobs.domain.job import Job
from wayside_jobs.domain.values import Json
from wayside_jobs.domain.wanted import Position, Wanted
from wayside_jobs.store import Store

MaySee = Callable[[str], bool]
"""Whether the caller may see a scope."""


class Reader:
    """Finds jobs and writes them as JSON."""

    def __init__(self, store: Store, *, log_limit: int) -> None:
        self._store = store
        self._log_limit = log_limit

    async def get(self, job_id: str, may_see: MaySee) -> bytes:
        """Return one job; raises `JobNotFound`, also for one whose scope the caller may not see."""
        return job_document(*await self._visible(job_id, may_see, whole=True))

    async def scope_of(self, job_id: str, may_see: MaySee) -> str:
        """Return the scope of a job; raises `JobNotFound`."""
        job, _ = await self._visible(job_id, may_see, whole=False)
        return job.scope

    async def page(self, wanted: Wanted, *, page: str | None, limit: int) -> bytes:
        """Return `contracts.jobs.JobPage`; raises `InvalidPage`."""
        after = wanted.first if page is None else Position.parse(page)
        places = await self._store.places(wanted, after=after, limit=limit + 1)
        jobs = await self._store.read([place.job_id for place in places[:limit]], whole=False)
        items = [job_fields(*jobs[place.job_id]) for place in places[:limit] if place.job_id in jobs]
        next_page = str(places[limit - 1]) if len(places) > limit else None
        return orjson.dumps({"items": items, "next_page": next_page})

    async def logs(self, job_id: str, may_see: MaySee, *, after: int, limit: int) -> bytes:
        """Return `contracts.jobs.JobLogPage`; raises `JobNotFound`."""
        job, _ = await self._visible(job_id, may_see, whole=False)
        rows = await self._store.logs(job_id, after=after, limit=limit)
        page = {
            "items": [log_entry(row) for row in rows],
            "next_page": str(rows[-1].seq) if rows and rows[-1].seq < job.log_seq else None,
            "dropped": max(0, job.log_seq - self._log_limit),
        }
        return orjson.dumps(page)

    async def _visible(self, job_id: str, may_see: MaySee, *, whole: bool) -> tuple[Job, Json | None]:
        found = (await self._store.read([job_id], whole=whole)).get(job_id)
        if found is None or not may_see(found[0].scope):
            raise JobNotFound(job_id)
        return found
