"""Opens transactions, reads, and turns the database's errors into the service's."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager

import asyncpg

from wayside_jobs.domain.errors import SimultaneousChange, StoreRefused
from wayside_jobs.domain.job import Job
from wayside_jobs.domain.values import Json
from wayside_jobs.store.clock import Clock
from wayside_jobs.store.unit import SQL, Unit
from wayside_service.database import Connection, Database
from wayside_service.errors import DatabaseUnavailable

_COLLISIONS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""What the pool calls an outage, as it helps to try again; here it concerns one transaction, and is tried at once."""

_COLLIDED = "The database ended a transaction in favour of another."
_REFUSALS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)


class Store:
    """The jobs in PostgreSQL. Everything raises `DatabaseUnavailable` while that is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._clock = Clock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Unit]:
        """Do several things or none; raises `StoreRefused` for a value PostgreSQL refuses."""
        with self._errors():
            async with self._database.transaction() as connection:
                yield Unit(connection, self._clock)

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[Unit]:
        """Do one thing, which is a transaction by itself; raises `StoreRefused` for a value PostgreSQL refuses."""
        with self._errors():
            async with self._database.acquire() as connection:
                yield Unit(connection, self._clock)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """Lend a connection, for statements that each stand alone; errors are the same."""
        with self._errors():
            async with self._database.acquire() as connection:
                yield connection

    async def read(
        self, job_ids: Sequence[str], *, whole: bool = True
    ) -> Mapping[str, tuple[Job, Json | None]]:
        """Return jobs with their inputs; unless `whole`, without input, partial and result."""
        with self._errors():
            async with self._database.acquire() as connection:
                return await Unit(connection).read(job_ids, whole=whole)

    async def job_types(self, names: Sequence[str]) -> dict[str, Json]:
        """Return the specifications of those of the named types that exist."""
        with self._errors():
            async with self._database.acquire() as connection:
                return await Unit(connection).job_types(names)

    async def list_job_types(self, *, after: str, limit: int) -> list[tuple[str, Json]]:
        """Return specifications by name, in the order of the names."""
        with self._errors():
            async with self._database.acquire() as connection:
                rows = await connection.fetch(SQL.list_job_types, after, limit)
        return [(row["name"], row["spec"]) for row in rows]

    async def register_job_types(self, specs: Mapping[str, Json]) -> None:
        """Write job types; the last registration counts."""
        with self._errors():
            async with self._database.acquire() as connection:
                await connection.execute(SQL.upsert_job_types, list(specs), list(specs.values()))

    async def add_job_types(self, specs: Mapping[str, Json]) -> bool:
        """Write those job types that there are none of; returns whether there was such a one."""
        with self._errors():
            async with self._database.acquire() as connection:
                added = await connection.fetch(SQL.add_job_types, list(specs), list(specs.values()))
        return bool(added)

    async def next_scheduled(self) -> float | None:
        """Return in how many seconds the next job's time comes."""
        with self._errors():
            async with self._database.acquire() as connection:
                seconds: float | None = await connection.fetchval(SQL.next_scheduled)
        return seconds

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except DatabaseUnavailable as error:
            self._clock.forget()
            if isinstance(error.__cause__, _COLLISIONS):
                raise SimultaneousChange(_COLLIDED) from error
            raise
        except asyncpg.LockNotAvailableError as error:
            raise SimultaneousChange(_COLLIDED) from error
        except _REFUSALS as error:
            raise StoreRefused("The database refused a value.") from error
        except asyncpg.InterfaceError as error:
            # Of asyncpg's own errors, those about a value it cannot encode are `ValueError`s too.
            if isinstance(error, ValueError):
                raise StoreRefused("The database cannot hold a value.") from error
            raise
