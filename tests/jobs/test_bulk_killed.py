"""An instance that is killed while it cancels a tree and works on a bulk job: others finish both, once."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.eventually import eventually
from tests.jobs.api import SECRET, TYPE, Api, RunnerForTests
from tests.jobs.conftest import Connection, EventLog, StartInstance
from tests.jobs.test_bulk import COPY, bulk, ended, failed
from tests.jobs.test_cascading import COPY_CHILDREN

from wayside_events.bus import Bus
from wayside_events.contracts.jobs import BULK_TYPE
from wayside_events.jobs import JobStatus


@asynccontextmanager
async def instance_process(database_url: str, nats_url: str, directory: Path) -> AsyncIterator[Process]:
    """Run `python -m wayside_jobs` while the context lasts."""
    port_file = directory / "port"
    settings = {
        "DATABASE_URL": database_url,
        "NATS_URL": nats_url,
        "JWT_SECRET": SECRET,
        "PORT": "0",
        "PORT_FILE": str(port_file),
        "SWEEP_INTERVAL_SECONDS": "0.05",
        "LOG_LEVEL": "warning",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "wayside_jobs",
        env={**os.environ, **{f"WAYSIDE_{name}": value for name, value in settings.items()}},
    )
    try:
        assert await eventually(port_file.exists, within_seconds=20)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_what_a_killed_instance_began_is_finished_once(  # noqa: PLR0917 - fixtures
    start_instance: StartInstance,
    jobs_database: str,
    nats_url: str,
    bus: Bus,
    connection: Connection,
    log: EventLog,
    tmp_path: Path,
) -> None:
    api = await start_instance()
    runner = RunnerForTests(bus)
    await runner.register()
    lost, parent = await failed(api, runner, session_id="s"), await api.create()
    await connection.execute(COPY, lost.id, 6_000)
    await connection.execute(COPY_CHILDREN, parent.id, 6_000)
    await connection.execute("UPDATE jobs SET child_count = 6000 WHERE id = $1", parent.id)
    await order_both_at(api, connection, parent.id)

    async with instance_process(jobs_database, nats_url, tmp_path) as process:
        assert await eventually(lambda: both_have_begun(connection), within_seconds=20)
        process.kill()
        await process.wait()
    assert not await both_are_over(connection)
    expire = "UPDATE jobs SET lease_expires_at = now(), due_at = now() WHERE status = 'running' AND type = $1"
    await connection.execute(expire, BULK_TYPE)
    other = await start_instance()
    assert await eventually(lambda: both_are_over(connection), within_seconds=30)
    work = await ended(
        other, await connection.fetchval("SELECT id::text FROM jobs WHERE type = $1", BULK_TYPE)
    )
    assert (work.status, work.attempt) == (JobStatus.COMPLETED, 2)
    assert isinstance(work.result, dict)
    assert (work.result["matched"], work.result["done"], work.result["failed"]) == (6_001, 6_001, 0)
    retries = "SELECT count(*), count(DISTINCT retry_of) FROM jobs WHERE retry_of IS NOT NULL"
    assert tuple(await connection.fetchrow(retries) or ()) == (6_001, 6_001)
    canceled = "SELECT count(*) FROM jobs WHERE parent_id = $1 AND status = 'canceled' AND revision = 2"
    assert await connection.fetchval(canceled, parent.id) == 6_000
    assert await eventually(lambda: canceled_events(log) == 6_001)


async def order_both_at(api: Api, connection: Connection, parent_id: str) -> None:
    """Order both from an instance that stops before it could begin."""
    await connection.execute("INSERT INTO queues (name, paused_at) VALUES ('wayside-internal', now())")
    assert (await api.post(f"/v1/jobs/{parent_id}/cancel", {"cascade": False})).status == 200
    assert (await bulk(api, "retry", filter={"type": TYPE})).status == 202
    await api.client.close()
    await connection.execute("DELETE FROM queues")
    await connection.execute("UPDATE jobs SET is_cascading = true WHERE id = $1", parent_id)


async def both_have_begun(connection: Connection) -> bool:
    retried = await connection.fetchval("SELECT count(*) FROM jobs WHERE retry_of IS NOT NULL")
    canceled = await connection.fetchval("SELECT count(*) FROM jobs WHERE status = 'canceled'")
    return bool(retried and canceled > 1)


async def both_are_over(connection: Connection) -> bool:
    noted = await connection.fetchval("SELECT count(*) FROM bulk_items")
    return bool(noted + await connection.fetchval("SELECT count(*) FROM jobs WHERE is_cascading") == 0)


def canceled_events(log: EventLog) -> int:
    return len({event.id for event in log.events if event.type == "analysis.job.canceled"})
