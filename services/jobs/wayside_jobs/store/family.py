"""Parents and children in a transaction."""

from collections.abc import Collection, Mapping

from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobStatus
from wayside_jobs.domain.family import Parent
from wayside_jobs.store.unit import SQL, Unit


class Family:
    """The statements of one transaction that are about trees of jobs."""

    def __init__(self, unit: Unit) -> None:
        self._connection = unit.connection

    async def lock_parents(self, job_ids: Collection[str]) -> dict[str, Parent]:
        """Lock the jobs that are to have children, in the order of their ids; returns those that exist."""
        if not job_ids:
            return {}
        rows = await self._connection.fetch(SQL.lock_parents, sorted(job_ids))
        return {
            row["id"]: Parent(
                id=EntityId(row["id"]),
                scope=row["scope"],
                root_id=EntityId(row["root_id"]),
                depth=row["depth"],
                child_count=row["child_count"],
                status=JobStatus(row["status"]),
                revision=row["revision"],
                cancel_requested=row["cancel_requested"],
            )
            for row in rows
        }

    async def add_children(self, numbers: Mapping[str, int]) -> None:
        """Count new children of locked parents."""
        if numbers:
            await self._connection.execute(SQL.add_children, list(numbers), list(numbers.values()))
