"""Lists of jobs, and up to where their readers have seen them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wayside_events.jobs import JobStatus
from wayside_jobs.domain.wanted import Position, Walk, Wanted, joined
from wayside_jobs.store.store import Store
from wayside_jobs.store.unit import SQL
from wayside_service.database import Connection, Query

_WALK_SECONDS = 0.006
"""How long a walk goes on that has not found enough; each step of it is short."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to when somebody has seen how jobs ended, if ever, what time it is, and up to when every end is known."""

    seen_at: datetime | None
    now: datetime
    upto: datetime


class Lists:
    """Finds jobs by the indexes there are. Everything raises `DatabaseUnavailable` while PostgreSQL is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def walk(self, wanted: Sequence[Wanted], *, after: Position, limit: int) -> Walk:
        """Find the next jobs after a place that fit one of `wanted`, newest first.

        A walk takes bounded time whatever the filters: where few of many jobs fit, it ends early and says where to go on.
        """
        found: list[Position] = []
        place: Position | None = after
        until = time.monotonic() + _WALK_SECONDS
        async with self._store.acquire() as connection:
            while place is not None and len(found) < limit:
                walks = [await walk_once(connection, each, place, limit - len(found)) for each in wanted]
                walk = joined(walks, limit - len(found))
                found += walk.places
                place = walk.next
                if time.monotonic() > until:
                    break
        return Walk(found, place)

    async def ended(
        self, scope: str, creator: str, *, since: datetime, after: Position, limit: int
    ) -> list[Position]:
        """Return where the next jobs are of one creator that ended after a moment, the last first."""
        async with self._store.acquire() as connection:
            rows = await connection.fetch(
                SQL.list_by_end, scope, creator, since, after.created_at, after.job_id, limit
            )
        return [Position(row["finished_at"], row["id"]) for row in rows]

    async def count_ended(self, scope: str, creator: str, *, since: datetime, limit: int) -> int:
        """Count, up to a limit, the jobs of one creator that ended after a moment."""
        async with self._store.acquire() as connection:
            number: int = await connection.fetchval(SQL.count_ended, scope, creator, since, limit)
        return number

    async def count_active(self, scope: str, creator: str | None, *, limit: int) -> tuple[int, int]:
        """Count, up to a limit, how many jobs wait and run, of one creator or of all."""
        async with self._store.acquire() as connection:
            if creator is None:
                rows = await connection.fetch(SQL.count_active, scope, limit)
            else:
                rows = await connection.fetch(SQL.count_active_of_creator, scope, creator, limit)
        numbers = {row["status"]: row["number"] for row in rows}
        return numbers["queued"], numbers["running"]

    async def mark(self, scope: str, subject: str) -> Mark:
        """Return what somebody has seen."""
        async with self._store.acquire() as connection:
            row = await connection.fetchrow(SQL.read_mark, scope, subject)
        assert row is not None
        return Mark(row["seen_at"], row["now"], row["upto"])

    async def move_mark(self, scope: str, subject: str, upto: datetime | None) -> datetime:
        """Note what somebody has seen: up to a moment, or all that is known; returns the mark, which never goes back."""
        async with self._store.acquire() as connection:
            seen_at: datetime = await connection.fetchval(SQL.move_mark, scope, subject, upto)
        return seen_at

    async def job_types_like(self, text: str, *, limit: int) -> list[str]:
        """Return the first job types that have a text in their name."""
        async with self._store.acquire() as connection:
            return [row["name"] for row in await connection.fetch(SQL.find_job_types, text, limit)]


async def walk_once(connection: Connection, wanted: Wanted, after: Position, limit: int) -> Walk:
    """Take one step: read at most a thousand entries of each status from an index."""
    rows = await connection.fetch(statement_of(wanted), *arguments_of(wanted, after, limit))
    places: list[Position] = []
    for row in rows:
        place = Position(row["created_at"], row["id"])
        if row["is_match"] and len(places) == limit:
            return Walk(places, places[-1])
        if row["is_match"]:
            places.append(place)
        if row["is_last"]:
            return Walk(places, place)
    return Walk(places, None)


def arguments_of(wanted: Wanted, after: Position, limit: int) -> tuple[Any, ...]:
    """What a statement of `lists.sql` takes."""
    return (
        wanted.scope,
        wanted.statuses or tuple(JobStatus),
        wanted.type,
        wanted.session_id,
        wanted.parent_id,
        wanted.root_id,
        wanted.related_type,
        wanted.related_id,
        wanted.created_by,
        wanted.unique_key,
        wanted.job_id,
        after.created_at,
        after.job_id,
        wanted.from_time,
        limit + 1,
    )


def statement_of(wanted: Wanted) -> Query:
    """Start from the filter that leaves the fewest jobs."""
    for value, statement in (
        (wanted.job_id, SQL.list_by_id),
        (wanted.parent_id, SQL.list_by_parent),
        (wanted.unique_key, SQL.list_by_unique_key),
        (wanted.related_id, SQL.list_by_related),
        (wanted.session_id, SQL.list_by_session),
        (wanted.root_id, SQL.list_by_root),
        (wanted.created_by, SQL.list_by_creator),
        (wanted.type, SQL.list_by_type),
    ):
        if value is not None:
            return statement
    return SQL.list_by_status
