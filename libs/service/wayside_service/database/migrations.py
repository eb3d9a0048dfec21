"""Forward-only migrations: numbered plain SQL files, each in a transaction of its own, in the service's schema."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable

import structlog

from wayside_service.database.connection import OwnConnection

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_TRANSACTION = re.compile(
    r"^\s*(begin|commit|rollback|start\s+transaction)\b[^;]*;", re.IGNORECASE | re.MULTILINE
)
LOCK_TIMEOUT_SECONDS = 5.0
"""How long a migration may wait for a lock while the previous version serves: whoever queues behind it waits too."""

log = structlog.get_logger("wayside_service.database")


class MigrationFailed(Exception):
    """The files and the database do not fit together."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. `checksum` ignores line endings."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations(folder: Traversable) -> Sequence[Migration]:
    """Read `0001_<name>.sql` and so on, without gaps; raises `MigrationFailed`."""
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
    )
    migrations = [_read(file) for file in files]
    if [migration.number for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise MigrationFailed("Migrations are not numbered 0001, 0002 and so on")
    return migrations


def _read(file: Traversable) -> Migration:
    match = _FILE.fullmatch(file.name)
    if match is None:
        raise MigrationFailed(f"{file.name} is not named like 0001_create_jobs.sql")
    sql = file.read_text(encoding="utf-8").replace("\r\n", "\n")
    if _TRANSACTION.search(sql):
        raise MigrationFailed(f"{file.name} begins or ends a transaction; it has one already")
    return Migration(int(match[1]), match[2], sql)


class Migrator:
    """Brings one schema up to date. Any number of instances may do so at once: one works, the others wait.

    A schema that is ahead of the files is left alone, so that an old version can start beside a new one.
    """

    def __init__(
        self,
        schema: str,
        migrations: Sequence[Migration],
        *,
        lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
    ) -> None:
        self._schema = schema
        self._migrations = migrations
        self._lock_timeout_ms = round(lock_timeout_seconds * 1000)

    async def run(self, connection: OwnConnection) -> None:
        """Apply what is missing, on a connection outside any transaction; raises `MigrationFailed`."""
        key = f"wayside.migrations.{self._schema}"
        await connection.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", key)
        try:
            await self._prepare(connection)
            for migration in await self._missing(connection):
                await self._apply(connection, migration)
        finally:
            if not connection.is_closed():
                await connection.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", key)

    async def _prepare(self, connection: OwnConnection) -> None:
        # CREATE SCHEMA IF NOT EXISTS wants the right to create one even where it exists.
        if not await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", self._schema):
            await connection.execute(f'CREATE SCHEMA "{self._schema}"')
        await connection.execute(
            f'CREATE TABLE IF NOT EXISTS "{self._schema}".migrations ('
            "number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, "
            "applied_at timestamptz NOT NULL DEFAULT now())"
        )

    async def _missing(self, connection: OwnConnection) -> list[Migration]:
        rows = await connection.fetch(f'SELECT number, name, checksum FROM "{self._schema}".migrations')  # noqa: S608
        applied = {row["number"]: row for row in rows}
        for migration in self._migrations:
            row = applied.get(migration.number)
            if row is None and migration.number < max(applied, default=0):
                raise MigrationFailed(
                    f"Migration {migration.number:04} comes before {max(applied):04}, which is applied"
                )
            if row is not None and row["checksum"] != migration.checksum:
                raise MigrationFailed(
                    f"Migration {migration.number:04} was applied as {row['name']} and has changed since"
                )
        return [migration for migration in self._migrations if migration.number not in applied]

    async def _apply(self, connection: OwnConnection, migration: Migration) -> None:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = {self._lock_timeout_ms}")
            await connection.execute(f'SET LOCAL search_path = "{self._schema}", public')
            await connection.execute(migration.sql)
            await connection.execute(
                f'INSERT INTO "{self._schema}".migrations (number, name, checksum) VALUES ($1, $2, $3)',  # noqa: S608
                migration.number,
                migration.name,
                migration.checksum,
            )
        log.info("migrated", schema=self._schema, number=migration.number, name=migration.name)
