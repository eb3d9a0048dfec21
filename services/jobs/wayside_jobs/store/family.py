"""Parents and children in a transaction."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobStatus
from wayside_jobs.domain.family import Parent
from wayside_jobs.store.unit import SQL, Unit


@dataclass(frozen=True, slots=True)
class Cause:
    """Who canceled a job, and why."""

    requested_by: str
    reason: str | None


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

    async def lock_told_next(self, *, parents: int, children: int) -> dict[str, str]:
        """Lock children of canceled jobs that are still to be asked to end; returns their parents by their ids."""
        rows = await self._connection.fetch(SQL.lock_told_next, parents, children)
        return {row["id"]: row["parent_id"] for row in rows}

    async def causes(self, job_ids: Collection[str]) -> dict[str, Cause]:
        """Return why the cascade of each job goes on: its own cancel or that of the nearest ancestor with one."""
        rows = await self._connection.fetch(SQL.read_causes, sorted(job_ids))
        return {row["id"]: Cause(row["requested_by"], row["reason"]) for row in rows}

    async def end_cascades(self, limit: int) -> int:
        """Let jobs be done whose children all have been asked; returns how many."""
        return len(await self._connection.fetch(SQL.end_cascades, limit))

    async def cascade_again(self, job_id: str) -> None:
        """Have the children of a locked job asked once more."""
        await self._connection.execute(SQL.cascade_again, job_id)
