"""One transaction: lock, then write what was decided, with its events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import asyncpg

from wayside_jobs.domain.errors import SimultaneousChange
from wayside_jobs.domain.events import encode_events
from wayside_jobs.domain.job import Change, Job
from wayside_jobs.domain.values import Json
from wayside_jobs.store.clock import Clock
from wayside_jobs.store.logs import LogBook
from wayside_jobs.store.rows import changed_row, columns_of, job_of, lease_row
from wayside_jobs.store.statements import SQL
from wayside_service.database import Connection
from wayside_service.outbox import add_events

__all__ = ["SQL", "KeyUse", "Locked", "Unit"]

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Locked:
    """Jobs that nobody else can change until the transaction ends, by id, and the time at which they were locked."""

    jobs: Mapping[str, Job]
    now: datetime


@dataclass(frozen=True, slots=True)
class KeyUse:
    """An idempotency key of a caller, and what it is used for."""

    scope: str
    caller: str
    key: str
    request_hash: bytes
    job_id: str
    answer: Json | None = None
    is_new: bool = True
    """Whether the answer was of a new job, or of one that was there."""
    parent_id: str | None = None
    """The parent of the job; a key is kept as long as that is active."""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes the key one."""
        return self.scope, self.caller, self.key


class Unit:
    """The statements of one transaction. Lock before writing; events get the order of the changes."""

    def __init__(self, connection: Connection, clock: Clock | None = None) -> None:
        self._connection = connection
        self.clock = clock or Clock()

    @property
    def connection(self) -> Connection:
        """The transaction itself, for the statements of one theme."""
        return self._connection

    async def now(self) -> datetime:
        """The database's time."""
        moment: datetime = await self._connection.fetchval(SQL.read_clock)
        self.clock.hear(moment)
        return moment

    async def lock(self, job_ids: Sequence[str]) -> Locked:
        """Lock the named jobs; those that do not exist are not in the answer."""
        rows = await self._connection.fetch(SQL.lock_jobs, job_ids)
        return Locked({row["id"]: job_of(row) for row in rows}, _locked_at(rows))

    async def take_due(self, limit: int) -> list[str]:
        """Lock running jobs that need a look, as far as nobody else has; returns their ids.

        Read them by `lock` then: a statement that skips locked rows may show them as they were before.
        """
        return [row["id"] for row in await self._connection.fetch(SQL.take_due, limit)]

    async def put_off_due(self, job_id: str) -> None:
        """Look at a running job again in a minute."""
        await self._connection.execute(SQL.put_off_due, job_id)

    async def write(
        self, known: Mapping[str, Job], changes: Sequence[Change], *, written: Sequence[Change] = ()
    ) -> None:
        """Write the changes of locked jobs: rows, log entries and events. `known` is what was locked.

        Of the changes in `written` the rows are written already, and only the events are missing.
        """
        changes = await LogBook(self._connection).write(changes)
        last = {change.job.id: change.job for change in changes}
        visible = [job for job in last.values() if job.revision != known[job.id].revision]
        silent = [job for job in last.values() if job.revision == known[job.id].revision]
        await self._save(known, visible)
        await self._extend([job for job in silent if job != known[job.id]])
        await add_events(self._connection, encode_events([*written, *changes]))

    async def delete(self, changes: Sequence[Change]) -> None:
        """Delete jobs and say so."""
        await self._connection.execute(SQL.delete_jobs, [change.job.id for change in changes])
        await add_events(self._connection, encode_events(changes))

    async def take_keys(self, uses: Sequence[KeyUse]) -> set[tuple[str, str, str]]:
        """Take idempotency keys, in one order for all; returns those that were free.

        Waits for a transaction that takes one of them at the same time.
        """
        rows = [
            (use.scope, use.caller, use.key, use.request_hash, use.job_id, use.parent_id)
            for use in sorted(uses, key=lambda use: use.identity)
        ]
        taken = await self._connection.fetch(SQL.remember_keys, *columns_of(6, rows))
        return {(row["scope"], row["caller"], row["key"]) for row in taken}

    async def key_use(self, use: KeyUse) -> KeyUse | None:
        """Return what the key was used for before."""
        row = await self._connection.fetchrow(SQL.read_key, use.scope, use.caller, use.key)
        if row is None:
            return None
        is_new = row["status"] != HTTPStatus.OK
        return KeyUse(
            use.scope, use.caller, use.key, row["request_hash"], row["job_id"], row["answer"], is_new
        )

    async def store_answers(self, uses: Sequence[KeyUse]) -> None:
        """Keep the answers that go with idempotency keys."""
        rows = ((use.scope, use.caller, use.key, use.job_id, use.answer, _status_of(use)) for use in uses)
        await self._connection.execute(SQL.store_answers, *columns_of(6, rows))

    async def read(self, job_ids: Sequence[str], *, whole: bool = True) -> dict[str, tuple[Job, Json | None]]:
        """Return jobs with their inputs, as this transaction sees them."""
        rows = await self._connection.fetch(SQL.read_jobs, job_ids, whole)
        return {row["id"]: (job_of(row), row["input"]) for row in rows}

    async def job_types(self, names: Sequence[str]) -> dict[str, Json]:
        """Return the specifications of those of the named types that exist."""
        rows = await self._connection.fetch(SQL.read_job_types, names)
        return {row["name"]: row["spec"] for row in rows}

    async def ready_scheduled(self, limit: int) -> set[str]:
        """Let jobs be claimed whose time has come; returns their queues."""
        return {row["queue"] for row in await self._connection.fetch(SQL.ready_scheduled, limit)}

    async def _save(self, known: Mapping[str, Job], jobs: Sequence[Job]) -> None:
        if jobs:
            rows = [changed_row(known[job.id].revision, job) for job in jobs]
            saved = await self._connection.fetch(SQL.save_jobs, rows)
            _check_all(len(saved), len(jobs))

    async def _extend(self, jobs: Sequence[Job]) -> None:
        if jobs:
            saved = await self._connection.fetch(SQL.extend_leases, [lease_row(job) for job in jobs])
            _check_all(len(saved), len(jobs))


def _status_of(use: KeyUse) -> int:
    return HTTPStatus.CREATED if use.is_new else HTTPStatus.OK


def _locked_at(rows: Sequence[asyncpg.Record]) -> datetime:
    moment: datetime = rows[-1]["now"] if rows else _NEVER
    return moment


def _check_all(written: int, wanted: int) -> None:
    if written != wanted:
        raise SimultaneousChange("A job changed although it was locked.")
