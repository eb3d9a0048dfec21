"""What is deleted when its time is over."""

from collections.abc import Sequence

from wayside_jobs.store.statements import SQL
from wayside_jobs.store.store import Store
from wayside_jobs.store.unit import Unit


class Expiry:
    """Jobs whose time to live ended, in one transaction."""

    def __init__(self, unit: Unit) -> None:
        self._connection = unit.connection

    async def take(self, limit: int) -> list[str]:
        """Lock such jobs, as far as nobody else has; returns their ids, those that ended first before the others."""
        return [row["id"] for row in await self._connection.fetch(SQL.take_expired, limit)]

    async def below_active(self, job_ids: Sequence[str]) -> frozenset[str]:
        """Return those of the jobs that a cancel of one of their ancestors may still have to pass through."""
        if not job_ids:
            return frozenset()
        return frozenset(row["id"] for row in await self._connection.fetch(SQL.find_below_active, job_ids))

    async def delete_logs(self, job_ids: Sequence[str]) -> None:
        """Delete the logs of locked jobs."""
        await self._connection.execute(SQL.delete_logs, job_ids)

    async def shorten_log(self, job_id: str, upto: int) -> None:
        """Delete the entries of a locked job up to a number, and say so in the job."""
        await self._connection.execute(SQL.shorten_log, job_id, upto)

    async def put_off(self, job_ids: Sequence[str]) -> None:
        """Look at jobs again in an hour."""
        await self._connection.execute(SQL.put_off_expired, job_ids)


class Old:
    """What is kept for a time and is no job: each looks at no more than `limit` old rows and returns at how many."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def forget_keys(self, *, older_than_seconds: float, limit: int) -> int:
        """Delete old idempotency keys, but those of the children of active jobs."""
        async with self._store.acquire() as connection:
            return len(await connection.fetch(SQL.forget_keys, older_than_seconds, limit))

    async def forget_runners(self, *, silent_for_seconds: float, limit: int) -> int:
        """Delete runners that have been silent for long."""
        async with self._store.acquire() as connection:
            return len(await connection.fetch(SQL.forget_runners, silent_for_seconds, limit))

    async def forget_stats(self, *, older_than_seconds: float, limit: int) -> int:
        """Delete the counts of minutes long past."""
        async with self._store.acquire() as connection:
            return len(await connection.fetch(SQL.forget_stats, older_than_seconds, limit))
