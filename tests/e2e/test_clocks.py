"""A runner whose clock is wrong: only the service's clock counts."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.e2e.cluster import Cluster, Instance
from tests.e2e.talk import Api, until
from tests.e2e.test_kills import check_history, stored_events

pytestmark = pytest.mark.timeout(120)

DAY_SECONDS = 86_400

# Python runs `sitecustomize` before everything else; the monotonic clock is right, as on a host whose date is wrong.
SHIFTED = """
import datetime, os, time
shift = float(os.environ["CLOCK_SHIFT_SECONDS"])
true_time, true_time_ns, true_datetime = time.time, time.time_ns, datetime.datetime

class Kind(type):
    def __instancecheck__(cls, value):
        return isinstance(value, true_datetime)
    def __subclasscheck__(cls, kind):
        return issubclass(kind, true_datetime)

class Shifted(true_datetime, metaclass=Kind):
    @classmethod
    def now(cls, tz=None):
        return true_datetime.fromtimestamp(time.time(), tz)
    @classmethod
    def utcnow(cls):
        return cls.now(datetime.timezone.utc).replace(tzinfo=None)

time.time = lambda: true_time() + shift
time.time_ns = lambda: true_time_ns() + int(shift * 1e9)
datetime.datetime = Shifted
"""


def worker(cluster: Cluster, folder: Path, shift_seconds: float) -> Instance:
    """A worker process whose clock is wrong by so much."""
    clock = folder / "clock"
    clock.mkdir(exist_ok=True)
    (clock / "sitecustomize.py").write_text(SHIFTED)
    return cluster.worker(
        "tests.e2e.clock_worker",
        PYTHONPATH=f"{clock}:{Path.cwd()}",
        CLOCK_SHIFT_SECONDS=str(shift_seconds),
    )


@pytest.mark.parametrize("shift_seconds", [-90, 400 * DAY_SECONDS])
async def test_a_runner_with_a_wrong_clock_is_served_as_any_other(
    shared: Cluster, tmp_path: Path, shift_seconds: float
) -> None:
    before = datetime.now(UTC)
    async with aiohttp.ClientSession() as session:
        api = Api(session, shared.gateway[0].url, shared.token())
        running = worker(shared, tmp_path, shift_seconds)
        running.start()
        jobs = {name: await api.start_job(f"clock.{name}") for name in ("told", "long", "late", "canceled")}
        await until(lambda: _runs(api, jobs["canceled"]["id"]))
        await api.post(f"/v1/jobs/{jobs['canceled']['id']}/cancel", {})
        done = {name: await api.finished(job["id"]) for name, job in jobs.items()}
        workers = (await api.get("/v1/workers?queue=clocks&status=active"))["items"]
        running.stop()
    after = datetime.now(UTC)
    assert {name: (job["status"], job["attempt"]) for name, job in done.items()} == {
        "told": ("completed", 1),
        "long": ("completed", 1),
        "late": ("failed", 1),
        "canceled": ("canceled", 1),
    }
    assert done["late"]["error"]["code"] == "timeout"
    # The handler saw the wrong time: the test would prove nothing otherwise.
    shown = datetime.fromisoformat(done["told"]["result"])
    assert abs(shown - before - timedelta(seconds=shift_seconds)) < timedelta(seconds=60)
    for job in done.values():
        await check_times(shared, job, before, after)
    assert workers, "it is active, and not lost"


async def _runs(api: Api, job_id: str) -> bool:
    return bool((await api.get(f"/v1/jobs/{job_id}"))["status"] == "running")


async def check_times(cluster: Cluster, job: Any, before: datetime, after: datetime) -> None:
    """All times of a job and its events are the service's, and in order."""
    slack = timedelta(seconds=1)
    names = ("created_at", "started_at", "finished_at", "updated_at")
    times = [datetime.fromisoformat(job[name]) for name in names]
    assert times == sorted(times)
    events = await stored_events(cluster, job["id"])
    check_history(events, job)
    assert all(before - slack < moment < after + slack for moment in (*times, *(e.time for e in events)))


async def test_no_runner_is_lost_for_the_time_it_shows(shared: Cluster, tmp_path: Path) -> None:
    """Two runners, a year apart, each take from one queue what the other leaves."""
    async with aiohttp.ClientSession() as session:
        api = Api(session, shared.gateway[0].url, shared.token())
        runners = [worker(shared, tmp_path, days * DAY_SECONDS) for days in (-200, 200)]
        for each in runners:
            each.start()
        jobs = [await api.start_job("clock.told") for _ in range(40)]
        done = await asyncio.gather(*(api.finished(job["id"]) for job in jobs))
        for each in runners:
            each.stop()
    assert {(job["status"], job["attempt"]) for job in done} == {("completed", 1)}
