"""Queues and limits in PostgreSQL."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from wayside_events.contracts.jobs import QueueLimits, QueueSettings
from wayside_jobs.domain.flow import Limits
from wayside_jobs.store.claims import ENTRANCE_KEY
from wayside_jobs.store.statements import SQL
from wayside_jobs.store.store import Store


class QueueTable:
    """What was set of queues. Everything raises `DatabaseUnavailable` while PostgreSQL is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def is_known(self, name: str) -> bool:
        """Whether anything names the queue."""
        async with self._store.acquire() as connection:
            found: bool = await connection.fetchval(SQL.is_queue_known, name)
        return found

    async def pause(self, name: str, *, by: str, reason: str | None) -> QueueSettings:
        """Pause a queue; when this returns, no instance gives out a job of it."""
        async with self._store.acquire() as connection:
            row = await connection.fetchrow(SQL.pause_queue, name, by, reason)
            await connection.execute(SQL.await_claims, ENTRANCE_KEY)
        return _settings(row)

    async def resume(self, name: str) -> QueueSettings:
        """Let a queue's jobs be claimed again."""
        async with self._store.acquire() as connection:
            return _settings(await connection.fetchrow(SQL.resume_queue, name))

    async def limit(self, name: str, limits: QueueLimits) -> QueueSettings:
        """Set the limits of a queue in place of those it had."""
        wanted = (limits.concurrency_limit, limits.concurrency_limit_per_scope)
        async with self._store.acquire() as connection:
            return _settings(await connection.fetchrow(SQL.limit_queue, name, *wanted))

    async def limits(self) -> Limits:
        """Return all limits there are."""
        async with self._store.acquire() as connection:
            rows = await connection.fetch(SQL.read_limits)
        return Limits(_column(rows, "total"), _column(rows, "per_scope"))


def _column(rows: list[asyncpg.Record], name: str) -> Mapping[str, int]:
    return {row["key"]: row[name] for row in rows if row[name] is not None}


def _settings(row: asyncpg.Record | None) -> QueueSettings:
    fields: dict[str, Any] = dict(row or {})
    return QueueSettings(**fields, is_paused=fields["paused_at"] is not None)
