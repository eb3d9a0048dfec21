import asyncio
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import pytest

from wayside_service.database import MigrationFailed, Migrator, OwnConnection, load_migrations
from wayside_service.database.migrations import Migration

CREATE = Migration(1, "create", "CREATE TABLE notes (id int); INSERT INTO notes VALUES (1)")
EXTEND = Migration(2, "extend", "ALTER TABLE notes ADD COLUMN text text")


async def migrate(dsn: str, *migrations: Migration) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await Migrator("sample", migrations).run(connection)
    finally:
        await connection.close()


async def applied(connection: OwnConnection) -> Sequence[int]:
    rows = await connection.fetch("SELECT number FROM sample.migrations ORDER BY number")
    return [row["number"] for row in rows]


async def test_instances_that_start_at_once_apply_each_migration_once(
    database: str, connection: OwnConnection
) -> None:
    slow = Migration(1, "create", CREATE.sql + "; SELECT pg_sleep(0.3)")
    await asyncio.gather(*(migrate(database, slow, EXTEND) for _ in range(4)))
    assert await applied(connection) == [1, 2]
    assert await connection.fetchval("SELECT count(*) FROM sample.notes") == 1


async def test_a_second_start_applies_only_what_is_new(database: str, connection: OwnConnection) -> None:
    await migrate(database, CREATE)
    await migrate(database, CREATE, EXTEND)
    assert await applied(connection) == [1, 2]


async def test_an_old_version_starts_on_a_newer_schema(database: str, connection: OwnConnection) -> None:
    await migrate(database, CREATE, EXTEND)
    await migrate(database, CREATE)
    assert await applied(connection) == [1, 2]


async def test_a_migration_that_changed_after_it_was_applied_is_an_error(database: str) -> None:
    await migrate(database, CREATE)
    with pytest.raises(MigrationFailed, match="0001 was applied as create and has changed"):
        await migrate(database, Migration(1, "create", CREATE.sql + " "))


async def test_a_migration_numbered_below_an_applied_one_is_an_error(database: str) -> None:
    await migrate(database, CREATE, Migration(3, "third", "SELECT 1"))
    with pytest.raises(MigrationFailed, match="0002 comes before 0003, which is applied"):
        await migrate(database, CREATE, EXTEND, Migration(3, "third", "SELECT 1"))


async def test_a_failed_migration_leaves_nothing_half_done(database: str, connection: OwnConnection) -> None:
    broken = Migration(2, "broken", "CREATE TABLE half (id int); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database, CREATE, broken)
    assert await applied(connection) == [1]
    assert await connection.fetchval("SELECT to_regclass('sample.half') IS NULL")


async def test_after_a_failure_the_next_start_goes_on(database: str, connection: OwnConnection) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database, CREATE, Migration(2, "extend", "SELECT 1 / 0"))
    await migrate(database, CREATE, EXTEND)
    assert await applied(connection) == [1, 2]


async def test_a_migration_gives_up_when_it_would_block_the_service(
    database: str, connection: OwnConnection
) -> None:
    await migrate(database, CREATE)
    async with connection.transaction():
        await connection.execute("LOCK TABLE sample.notes")
        hasty = Migrator("sample", [CREATE, EXTEND], lock_timeout_seconds=0.05)
        other = await asyncpg.connect(database)
        with pytest.raises(asyncpg.LockNotAvailableError):
            await hasty.run(other)
        await other.close()
    assert await applied(connection) == [1]


async def test_services_have_schemas_of_their_own(database: str, connection: OwnConnection) -> None:
    for schema in ("jobs", "governance"):
        await Migrator(schema, [CREATE]).run(connection)
    assert await connection.fetchval("SELECT count(*) FROM jobs.notes JOIN governance.notes USING (id)") == 1


def write(folder: Path, **files: str) -> Path:
    for name, sql in files.items():
        (folder / f"{name.removeprefix('m')}.sql").write_text(sql)
    return folder


def test_files_are_read_in_order(tmp_path: Path) -> None:
    write(tmp_path, m0002_extend="SELECT 2;", m0001_create="SELECT 1;")
    (tmp_path / "README.md").touch()
    assert [(m.number, m.name) for m in load_migrations(tmp_path)] == [(1, "create"), (2, "extend")]


def test_line_endings_do_not_change_a_checksum(tmp_path: Path) -> None:
    for system, ending in ("unix", b"\n"), ("windows", b"\r\n"):
        (tmp_path / system).mkdir()
        (tmp_path / system / "0001_create.sql").write_bytes(b"SELECT" + ending + b"1;")
    unix, windows = (load_migrations(tmp_path / system)[0].checksum for system in ("unix", "windows"))
    assert unix == windows


@pytest.mark.parametrize(
    "files, complaint",
    [
        ({"m0001_create": "", "m0003_third": ""}, "numbered 0001, 0002"),
        ({"m0001_create": "", "m0001_again": ""}, "numbered 0001, 0002"),
        ({"create": ""}, "create.sql is not named"),
        ({"m0001_create": "CREATE TABLE a (id int);\nCOMMIT;"}, "begins or ends a transaction"),
        ({"m0001_create": "BEGIN; SELECT 1;"}, "begins or ends a transaction"),
    ],
)
def test_files_that_cannot_be_applied_safely_are_refused(
    tmp_path: Path, files: dict[str, str], complaint: str
) -> None:
    with pytest.raises(MigrationFailed, match=complaint):
        load_migrations(write(tmp_path, **files))
