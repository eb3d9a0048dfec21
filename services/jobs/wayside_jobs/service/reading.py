"""Reading jobs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import orjson

from wayside_events.jobs import JobStatus
from wayside_jobs.domain.documents import Document, job_fields
from wayside_jobs.domain.errors import JobNotFound
from wayside_jobs.domain.job import Job
from wayside_jobs.domain.values import Json
from wayside_jobs.domain.wanted import FIRST, Position, Walk, Wanted, readings
from wayside_jobs.service.kinship import Kinship
from wayside_jobs.store import Store
from wayside_jobs.store.reading import Lists

MaySee = Callable[[str], bool]
"""Whether the caller may see a scope."""

ACTIVE: Final = (JobStatus.QUEUED, JobStatus.RUNNING)

_TYPES_LIMIT = 5
"""Job types among whose jobs a text is looked for at most."""


class Reader:
    """Finds jobs and writes them as JSON."""

    def __init__(self, store: Store, lists: Lists, kinship: Kinship) -> None:
        self._store = store
        self._lists = lists
        self._kinship = kinship

    async def get(self, job_id: str, may_see: MaySee) -> bytes:
        """Return one job; raises `JobNotFound`, also for one whose scope the caller may not see."""
        return await self._kinship.document(*await self._visible(job_id, may_see, whole=True))

    async def scope_of(self, job_id: str, may_see: MaySee) -> str:
        """Return the scope of a job; raises `JobNotFound`."""
        job, _ = await self._visible(job_id, may_see, whole=False)
        return job.scope

    async def page(self, wanted: Wanted, *, page: str | None, limit: int, text: str | None = None) -> bytes:
        """Return `contracts.jobs.JobPage`, of jobs that `text` may mean when it is given; raises `InvalidPage`."""
        alternatives = [wanted]
        if text is not None:
            names = await self._lists.job_types_like(text, limit=_TYPES_LIMIT)
            alternatives = readings(wanted, text, names)
        return orjson.dumps(await self.listed(alternatives, page=page, limit=limit))

    async def session_page(self, wanted: Wanted, *, page: str | None, limit: int) -> bytes:
        """Return `contracts.jobs.SessionPage`; raises `InvalidPage`."""
        listed = await self.listed([wanted], page=page, limit=limit)
        if page is None:
            active = await self._lists.walk([replace(wanted, statuses=ACTIVE)], after=wanted.first, limit=1)
            newest = [place.job_id for place in active.places] or [item["id"] for item in listed["items"]]
            listed["job"] = await self._shown(newest[:1])
        return orjson.dumps(listed)

    async def listed(self, wanted: Sequence[Wanted], *, page: str | None, limit: int) -> Document:
        """The fields of `contracts.jobs.JobPage`, of jobs that fit one of `wanted`; raises `InvalidPage`."""
        after = Position.parse(page) if page is not None else wanted[0].first if wanted else FIRST
        return await self.fields(await self._lists.walk(wanted, after=after, limit=limit))

    async def fields(self, walk: Walk) -> Document:
        """The fields of `contracts.jobs.JobPage`, of what a walk has found."""
        found = await self._store.read([place.job_id for place in walk.places], whole=False)
        jobs = [found[place.job_id] for place in walk.places if place.job_id in found]
        kin = await self._kinship.of([job for job, _ in jobs])
        items = [job_fields(job, job_input, kin[job.id]) for job, job_input in jobs]
        return {"items": items, "next_page": str(walk.next) if walk.next else None}

    async def _shown(self, job_ids: Sequence[str]) -> orjson.Fragment | None:
        for found in (await self._store.read(job_ids)).values():
            return orjson.Fragment(await self._kinship.document(*found))
        return None

    async def _visible(self, job_id: str, may_see: MaySee, *, whole: bool) -> tuple[Job, Json | None]:
        found = (await self._store.read([job_id], whole=whole)).get(job_id)
        if found is None or not may_see(found[0].scope):
            raise JobNotFound(job_id)
        return found
