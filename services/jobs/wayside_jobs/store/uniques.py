"""Jobs that are to be the only ones of their kind for a time."""

from collections.abc import Sequence
from typing import NamedTuple

from wayside_jobs.store.rows import columns_of
from wayside_jobs.store.unit import SQL, Unit


class Period(NamedTuple):
    """The scope, type and key in which a new job, `job_id`, wants to be the only one of the last `seconds`."""

    scope: str
    type: str
    unique_key: str
    seconds: float
    job_id: str


class UniqueName(NamedTuple):
    """What at most one active job has."""

    scope: str
    type: str
    unique_key: str


class Uniques:
    """The statements of one transaction that are about unique keys."""

    def __init__(self, unit: Unit) -> None:
        self._connection = unit.connection

    async def active(self, names: Sequence[UniqueName]) -> dict[UniqueName, str]:
        """Return the ids of the active jobs that have these names."""
        rows = await self._connection.fetch(SQL.find_unique, *columns_of(3, names))
        return {UniqueName(row["scope"], row["type"], row["unique_key"]): row["id"] for row in rows}

    async def recent(self, periods: Sequence[Period]) -> dict[str, str]:
        """Return the newest job of each period, by the id of the new one; until the end nobody else makes one."""
        keys = sorted(f"{item.scope} {item.type} {item.unique_key}" for item in periods)
        await self._connection.execute(SQL.lock_unique_keys, keys)
        rows = await self._connection.fetch(SQL.find_recent, *columns_of(5, periods))
        return {row["asked_for"]: row["id"] for row in rows}
