"""PostgreSQL and NATS restarted under load: nothing is lost, nothing happens twice, and nobody lifts a finger."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.conftest import PostgresForTests
from tests.e2e.cluster import Cluster, Instance, cluster
from tests.e2e.talk import Api, until
from tests.e2e.test_kills import bus_of
from tests.jobs.machine_model import History

from wayside_events.catalogue import AnyEvent
from wayside_events.cursor import Cursor

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]

JOBS = 300


@pytest.fixture
async def running(tmp_path: Path, own_postgres_server: PostgresForTests) -> AsyncIterator[Cluster]:
    """Two instances of the jobs service; nothing else is needed."""
    dsn = own_postgres_server.create_database("wayside")
    with cluster(tmp_path, dsn, count=2) as prepared:
        for instance in prepared.jobs:
            instance.start()
        await asyncio.gather(*(instance.ready() for instance in prepared.jobs))
        yield prepared


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """Where the worker writes down the attempts it begins."""
    return tmp_path / "begun"


@asynccontextmanager
async def working(running: Cluster, begun: Path) -> AsyncIterator[Instance]:
    worker = running.worker("tests.e2e.counting_worker", COUNTED=str(begun))
    worker.start()
    try:
        yield worker
    finally:
        assert worker.stop() == 0


async def create(apis: list[Api], number: int) -> str:
    """Create a job as a client does that tries again, with a key, until it has an answer."""
    body = {"type": "count", "scope": "acme", "input": {"number": number}}

    async def created() -> Any:
        try:
            status, job = await apis[number % len(apis)].call(
                "POST", "/v1/jobs", body, **{"Idempotency-Key": f"job {number}"}
            )
        except aiohttp.ClientError:
            return None
        assert status in (200, 201, 503) or job["code"] == "unknown_job_type", job
        return job["id"] if status in (200, 201) else None

    job_id: str = await until(created)
    return job_id


async def create_all(apis: list[Api]) -> list[str]:
    job_ids: list[str] = []
    for number in range(0, JOBS, 10):
        job_ids += await asyncio.gather(*(create(apis, number + each) for each in range(10)))
    return job_ids


@asynccontextmanager
async def following(running: Cluster) -> AsyncIterator[list[AnyEvent]]:
    """Every event, as one subscriber receives it from the beginning on, over all that happens."""
    events: list[AnyEvent] = []
    async with bus_of(running, "client") as bus:
        start = Cursor((await bus.state()).epoch, 0)

        async def follow() -> None:
            async for event in bus.events(scope="acme", after=start):
                events.append(event)  # noqa: PERF401 - it is read while it grows

        task = asyncio.create_task(follow())
        yield events
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def restart_postgres(_running: Cluster, postgres: PostgresForTests) -> None:
    postgres.restart()


def kill_postgres(_running: Cluster, postgres: PostgresForTests) -> None:
    postgres.kill()
    postgres.start()


def restart_nats(running: Cluster, _postgres: PostgresForTests) -> None:
    running.nats.restart()


def kill_nats(running: Cluster, _postgres: PostgresForTests) -> None:
    running.nats.kill()
    running.nats.start()


DISTURBANCES = (restart_postgres, restart_nats, kill_postgres, kill_nats)


async def test_hundreds_of_jobs_outlive_what_happens_to_postgres_and_nats(
    running: Cluster, own_postgres_server: PostgresForTests, begun: Path
) -> None:
    async with aiohttp.ClientSession() as session, following(running) as events, working(running, begun):
        apis = [Api(session, instance.url, running.token()) for instance in running.jobs]
        creating = asyncio.create_task(create_all(apis))
        for number, disturb in enumerate(DISTURBANCES, start=1):
            await until(partial(_have_ended, events, number * JOBS // 7))
            disturb(running, own_postgres_server)
        job_ids = await creating
        await until(lambda: _all_ended(events, job_ids))
        rows = [await apis[0].get(f"/v1/jobs/{job_id}") for job_id in job_ids]
    assert len(set(job_ids)) == JOBS
    assert {row["status"] for row in rows} == {"completed"}
    assert [row["result"]["number"] for row in rows] == list(range(JOBS))
    check_events(events, rows)
    assert max(Counter(begun.read_text().splitlines()).values()) == 1


async def _have_ended(events: list[AnyEvent], number: int) -> bool:
    return sum(event.type == "analysis.job.completed" for event in events) >= number


async def _all_ended(events: list[AnyEvent], job_ids: list[str]) -> bool:
    return {event.subject for event in events if event.type == "analysis.job.completed"} >= set(job_ids)


def check_events(events: list[AnyEvent], rows: list[Any]) -> None:
    """Each event came once and in order, none is missing, and the last says what the row says."""
    histories = {row["id"]: History() for row in rows}
    for event in events:
        histories[event.subject].see(event)  # type: ignore[arg-type]
    for row in rows:
        history = histories[row["id"]]
        assert (history.status, history.revision) == (row["status"], row["revision"])
        assert history.last.data.result == row["result"]  # type: ignore[union-attr]
