"""Parents and their children, and retries."""

from collections.abc import Collection, Mapping

from wayside_events.identifiers import EntityId
from wayside_events.jobs import Children
from wayside_jobs.domain.groups import Census
from wayside_jobs.store.store import Store
from wayside_jobs.store.unit import SQL
from wayside_service.database import Connection


class Groups:
    """Reads what belongs to jobs. Everything raises `DatabaseUnavailable` while PostgreSQL is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def children(self, parent_ids: Collection[str]) -> Mapping[str, Children]:
        """Count the children of jobs, by parent; who has none is not in the answer."""
        if not parent_ids:
            return {}
        async with self._store.acquire() as connection:
            return await count_children(connection, parent_ids)

    async def retries(self, job_ids: Collection[str]) -> Mapping[str, EntityId]:
        """Return the newest retry of each job that was retried."""
        if not job_ids:
            return {}
        async with self._store.acquire() as connection:
            rows = await connection.fetch(SQL.read_retries, list(job_ids))
        return {row["retry_of"]: row["id"] for row in rows}


async def count_children(connection: Connection, parent_ids: Collection[str]) -> dict[str, Children]:
    """Count the children of jobs, by parent."""
    census = Census()
    for row in await connection.fetch(SQL.count_children, list(parent_ids)):
        census.add(row["parent_id"], row["status"], row["number"], row["percents"])
    return census.children()
