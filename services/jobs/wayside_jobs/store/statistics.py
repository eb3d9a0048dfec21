"""Counts in PostgreSQL: of what happened in each minute, and of what there is now."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

import asyncpg
import orjson

from wayside_jobs.domain.statistics import Place, Tally
from wayside_jobs.store.statements import SQL
from wayside_jobs.store.store import Store

_COUNT_TIMEOUT_SECONDS = 20.0


class Number(NamedTuple):
    """How many jobs of a type and scope in a queue are `ready`, `scheduled` or `running`; `oldest` is since when one is ready."""

    state: str
    queue: str
    type: str
    scope: str
    number: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class QueueRow:
    """What somebody has ordered about a queue."""

    name: str
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    concurrency_limit: int | None
    concurrency_limit_per_scope: int | None


@dataclass(frozen=True)
class Snapshot:
    """All that is counted, as it was at one moment."""

    counted_at: datetime
    numbers: Sequence[Number]
    tallies: Mapping[Place, Tally]

    @cached_property
    def by_scope(self) -> Mapping[str, Sequence[Number]]:
        """The numbers of each scope."""
        found: dict[str, list[Number]] = defaultdict(list)
        for number in self.numbers:
            found[number.scope].append(number)
        return found


class Stats:
    """The counts of all instances."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, tallies: Mapping[Place, Tally]) -> None:
        """Add what an instance counted. When the connection breaks at the commit it may be counted twice, or not."""
        rows = [place._asdict() | asdict(tally) for place, tally in tallies.items()]
        async with self._store.acquire() as connection:
            await connection.execute(SQL.add_stats, orjson.dumps(rows).decode())

    async def queues(self) -> list[QueueRow]:
        """Return the queues that somebody paused or limited, and those that job types name."""
        async with self._store.acquire() as connection:
            return [QueueRow(**row) for row in await connection.fetch(SQL.read_queues)]

    async def snapshot(self, *, minutes: int) -> Snapshot:
        """Count what there is now, and read what happened in the last minutes."""
        async with self._store.transaction() as unit:
            counted_at = await unit.now()
            since = counted_at.replace(second=0, microsecond=0) - timedelta(minutes=minutes - 1)
            connection = unit.connection
            numbers = await connection.fetch(SQL.count_jobs, timeout=_COUNT_TIMEOUT_SECONDS)
            happened = await connection.fetch(SQL.read_stats, since)
        return Snapshot(
            counted_at,
            [Number(**row) for row in numbers],
            dict(map(_tally, happened)),
        )


def _tally(row: asyncpg.Record) -> tuple[Place, Tally]:
    counts = dict(row)
    place = Place(counts.pop("minute"), counts.pop("queue"), counts.pop("type"))
    return place, Tally(**counts)
