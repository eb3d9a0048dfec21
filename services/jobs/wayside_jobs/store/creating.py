"""New jobs in PostgreSQL, and whether they may begin at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from wayside_jobs.domain.events import encode_events
from wayside_jobs.domain.job import Change
from wayside_jobs.domain.values import Json
from wayside_jobs.store.claims import ENTRANCE_KEY
from wayside_jobs.store.rows import new_row
from wayside_jobs.store.unit import SQL, Unit
from wayside_service.outbox import add_events, outbox_rows


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to create, with its input. It is stored as the last of its changes leaves it; all of them are told."""

    changes: Sequence[Change]
    input: Json

    @property
    def change(self) -> Change:
        """The last change."""
        return self.changes[-1]


class Gate(NamedTuple):
    """Jobs may begin at once while no claim for `queues` and `job_types`, in pairs, would find another.

    `wanted` are the queues of the jobs themselves.
    """

    queues: Sequence[str] = ()
    job_types: Sequence[str] = ()
    wanted: Sequence[str] = ()


NO_GATE = Gate()


class Creations:
    """What is done to create jobs. A unit outside a transaction will do for a single `insert` of jobs without unique keys."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._connection = unit.connection

    async def now(self) -> datetime:
        """Return the database's time, or one shortly before it."""
        return self._unit.clock.now() or await self._unit.now()

    async def insert(self, new: Sequence[NewJob], gate: Gate = NO_GATE) -> set[str] | None:
        """Create jobs with their events; returns the ids of those whose unique key was free.

        `None` when the gate is closed: then nothing was done.
        """
        rows = [new_row(item.change.job, item.input) for item in new]
        if any(item.change.job.unique_key is not None for item in new):
            return await self._insert_unique(new, (rows, *gate, ENTRANCE_KEY))
        events = encode_events(change for item in new for change in item.changes)
        created = await self._connection.fetchrow(
            SQL.create_jobs, rows, *gate, ENTRANCE_KEY, *outbox_rows(events)
        )
        assert created is not None
        self._unit.clock.hear(created["now"])
        return {item.change.job.id for item in new} if created["is_open"] else None

    async def _insert_unique(self, new: Sequence[NewJob], values: Sequence[object]) -> set[str] | None:
        created = await self._connection.fetch(SQL.insert_jobs, *values)
        if not created[0]["is_open"]:
            return None
        inserted = {row["id"] for row in created}
        told = (change for item in new for change in item.changes if change.job.id in inserted)
        await add_events(self._connection, encode_events(told))
        return inserted
