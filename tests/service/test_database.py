import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

import asyncpg
import pytest
from tests.conftest import PostgresForTests
from tests.eventually import eventually
from tests.service.sample import OpenDatabase, settings_for

from wayside_service.database import Database, OwnConnection
from wayside_service.database.migrations import Migration
from wayside_service.errors import DatabaseUnavailable

NOTES = Migration(1, "notes", "CREATE TABLE notes (id int PRIMARY KEY, body jsonb)")


async def test_jsonb_is_bytes_in_both_directions(open_database: OpenDatabase) -> None:
    async with open_database() as database, database.acquire() as connection:
        assert await connection.fetchval("SELECT $1::jsonb", b'{"a":[1,null]}') == b'{"a": [1, null]}'
        assert await connection.fetchval("SELECT $1::jsonb", '"text"') == b'"text"'
        assert await connection.fetchval("SELECT $1::jsonb[]", [b"1", None, b"{}"]) == [b"1", None, b"{}"]


async def test_unqualified_names_are_of_the_services_schema(open_database: OpenDatabase) -> None:
    async with open_database() as database, database.acquire() as connection:
        assert await connection.fetchval("SELECT current_schema()") == "sample"
        assert await connection.fetchval("SHOW application_name") == "wayside-sample"


async def test_a_transaction_is_rolled_back_on_an_error(open_database: OpenDatabase) -> None:
    async with open_database() as database:
        with suppress(RuntimeError):
            async with database.transaction() as connection:
                await connection.execute("CREATE TABLE half (id int)")
                raise RuntimeError
        async with database.acquire() as connection:
            assert await connection.fetchval("SELECT to_regclass('half') IS NULL")


async def test_errors_of_a_statement_are_not_a_missing_database(open_database: OpenDatabase) -> None:
    async with open_database() as database, database.acquire() as connection:
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.execute("SELECT * FROM nowhere")


async def kill_in_use(database: Database, killer: OwnConnection) -> None:
    async with database.transaction() as victim:
        pid = await victim.fetchval("SELECT pg_backend_pid()")
        await killer.execute("SELECT pg_terminate_backend($1)", pid)
        await victim.execute("SELECT pg_sleep(5)")


async def test_a_connection_that_is_killed_in_use_is_a_missing_database(
    open_database: OpenDatabase, connection: OwnConnection
) -> None:
    async with open_database() as database:
        with pytest.raises(DatabaseUnavailable):
            await kill_in_use(database, connection)
        await database.check()


class DeafToEnds:
    """A TCP proxy that passes on why the server ends a connection, but not that it hangs up then."""

    def __init__(self, dsn: str) -> None:
        self._parts = urlsplit(dsn)
        self.has_told_of_the_end = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    @property
    def dsn(self) -> str:
        port = self._server.sockets[0].getsockname()[1]
        user, _, _ = self._parts.netloc.rpartition("@")
        return self._parts._replace(netloc=f"{user}@127.0.0.1:{port}").geturl()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        telling = asyncio.create_task(self._pass_on(answers, writer))
        await self._pass_on(reader, server)
        server.close()
        await telling
        writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                if b"terminating connection" in data:
                    self.has_told_of_the_end.set()
                    return
        if not self.has_told_of_the_end.is_set():
            writer.close()


async def go_on_after_the_last_words(database: Database, proxy: DeafToEnds, killer: OwnConnection) -> None:
    async with database.acquire() as victim:
        pid = await victim.fetchval("SELECT pg_backend_pid()")
        await killer.execute("SELECT pg_terminate_backend($1)", pid)
        await proxy.has_told_of_the_end.wait()
        await killer.execute("SELECT 1")
        await victim.execute("SELECT 1")


async def test_a_connection_that_has_heard_of_its_end_but_not_ended_is_a_missing_database(
    database: str, connection: OwnConnection
) -> None:
    async with DeafToEnds(database) as proxy:
        settings = settings_for(proxy.dsn, shutdown_timeout_seconds=0.1)
        opened = Database(settings, schema="sample", migrations=[NOTES])
        await opened.start()
        await opened.ready()
        with pytest.raises(DatabaseUnavailable):
            await go_on_after_the_last_words(opened, proxy, connection)
        await opened.check()
        await opened.close()


async def fall_silent(database: Database, other: OwnConnection) -> None:
    async with database.transaction() as silent:
        await silent.execute("SELECT pg_advisory_xact_lock(7)")
        assert await eventually(lambda: other.fetchval("SELECT pg_try_advisory_lock(7)"))
        await silent.execute("SELECT 1")


async def test_a_transaction_that_falls_silent_gives_its_locks_up(
    database: str, connection: OwnConnection
) -> None:
    silence = {"idle_in_transaction_session_timeout": "100ms"}
    opened = Database(settings_for(database), schema="sample", migrations=[NOTES], session=silence)
    await opened.start()
    await opened.ready()
    with pytest.raises(DatabaseUnavailable):
        await fall_silent(opened, connection)
    async with opened.acquire() as again:
        assert await again.fetchval("SELECT 1") == 1
    await opened.close()


async def test_every_session_may_be_silent_in_a_transaction_for_half_a_minute_only(
    open_database: OpenDatabase,
) -> None:
    async with open_database() as database, database.acquire() as connection:
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "30s"


async def test_a_pool_without_a_free_connection_is_a_missing_database(database: str) -> None:
    settings = settings_for(database, database_pool_size=1, database_acquire_timeout_seconds=0.1)
    opened = Database(settings, schema="sample", migrations=[])
    await opened.start()
    await opened.ready()
    async with opened.acquire():
        with pytest.raises(DatabaseUnavailable):
            await opened.check()
    await opened.close()


async def test_it_starts_without_postgresql_and_recovers_by_itself(
    own_postgres_server: PostgresForTests,
) -> None:
    dsn = own_postgres_server.create_database("sample")
    own_postgres_server.stop()
    database = Database(settings_for(dsn), schema="sample", migrations=[NOTES])
    await database.start()
    with pytest.raises(DatabaseUnavailable, match="connect"):
        await database.check()
    own_postgres_server.start()
    await asyncio.wait_for(database.ready(), 10)
    await database.check()
    await database.close()


async def test_it_survives_a_restart_of_postgresql(own_postgres_server: PostgresForTests) -> None:
    database = Database(
        settings_for(own_postgres_server.create_database("sample")), schema="sample", migrations=[NOTES]
    )
    await database.start()
    await database.ready()
    own_postgres_server.stop()
    with pytest.raises(DatabaseUnavailable):
        await database.check()
    own_postgres_server.start()

    async def is_back() -> bool:
        try:
            await database.check()
        except DatabaseUnavailable:
            return False
        return True

    assert await eventually(is_back)
    await database.close()


async def test_a_migration_that_cannot_be_applied_keeps_the_service_unready_and_says_why(
    database: str,
) -> None:
    opened = Database(
        settings_for(database), schema="sample", migrations=[Migration(1, "bad", "SELECT 1 / 0")]
    )
    await opened.start()

    async def complains() -> bool:
        try:
            await opened.check()
        except DatabaseUnavailable as error:
            return "division by zero" in str(error)
        return False

    assert await eventually(complains)
    await opened.close()


async def test_the_server_notices_within_seconds_that_our_host_is_gone(open_database: OpenDatabase) -> None:
    async with open_database() as database:
        own = await database.connect()
        idle, interval, count = [
            int(await own.fetchval(f"SELECT setting FROM pg_settings WHERE name = 'tcp_keepalives_{name}'"))
            for name in ("idle", "interval", "count")
        ]
        await own.close()
    assert 0 < idle + interval * count <= 30
