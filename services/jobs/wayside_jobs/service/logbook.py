"""Reading the logs of jobs."""

from typing import Final

import orjson

from wayside_events.jobs import LogLevel
from wayside_jobs.domain.documents import stored_log_entry
from wayside_jobs.domain.errors import JobNotFound
from wayside_jobs.service.reading import MaySee
from wayside_jobs.store import Store
from wayside_jobs.store.logs import LogBook

_BY_SEVERITY: Final = (LogLevel.DEBUG, LogLevel.INFO, LogLevel.WARNING, LogLevel.ERROR)


class LogReader:
    """Finds entries and writes them as JSON. A page of few entries may read the whole log, which has bounds."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, job_id: str, may_see: MaySee, *, least: LogLevel, after: int, limit: int) -> bytes:
        """Return `contracts.jobs.JobLogPage` with entries that are at least so severe; raises `JobNotFound`."""
        found = (await self._store.read([job_id], whole=False)).get(job_id)
        if found is None or not may_see(found[0].scope):
            raise JobNotFound(job_id)
        levels = _BY_SEVERITY[_BY_SEVERITY.index(least) :]
        async with self._store.acquire() as connection:
            rows = await LogBook(connection).read(job_id, levels=levels, after=after, limit=limit + 1)
        shown = rows[:limit]
        page = {
            "items": [stored_log_entry(row) for row in shown],
            "next_page": str(shown[-1].seq) if len(rows) > limit else None,
            "dropped": found[0].log_dropped,
        }
        return orjson.dumps(page)
