"""How queues are doing: counted as jobs change, added up over instances, read with a cache."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from tests.eventually import eventually
from tests.jobs.api import TYPE, Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, StartInstance
from tests.jobs.samples import completed, created

from wayside_events.bus import Bus
from wayside_events.contracts.jobs import QueueFigures, QueueFiguresPage
from wayside_jobs.domain.facts import Completed
from wayside_jobs.domain.job import Change
from wayside_jobs.domain.statistics import PICKUP_BOUNDS, Place, Tally, quantile, window
from wayside_jobs.routes.parameters import JOBS
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.figures import Count
from wayside_jobs.service.metrics import JobsMetrics
from wayside_jobs.service.statistics import Statistics
from wayside_jobs.store import Store
from wayside_jobs.store.statistics import Snapshot, Stats
from wayside_service.database import DATABASE
from wayside_service.errors import DatabaseUnavailable

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


def overseer(api: Api) -> Api:
    """Somebody who may see all scopes."""
    return api.as_("olga", "viewer", scope="*")


async def figures(api: Api, name: str = "default", **params: str) -> QueueFigures:
    answer = await api.get(f"/v1/queues/{name}", **params)
    assert answer.status == 200, answer.body
    return QueueFigures.model_validate(answer.body)


async def counted(*apis: Api) -> None:
    """Have what was counted written, and count anew."""
    for api in apis:
        await api.client.app[JOBS].statistics.flush()
        object.__setattr__(api.client.app[JOBS].count, "_fresh_until", 0.0)


async def test_a_queue_shows_what_is_in_it_and_what_became_of_its_jobs(
    start_instance: StartInstance, bus: Bus
) -> None:
    api, other = [await start_instance() for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register(spec(max_attempts=1))
    for _ in range(5):
        await api.create()
    await other.create(run_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    for kind, fields in (("complete", {}), ("fail", {"error": {"code": "c", "message": "m"}})):
        await runner.report(await runner.claim_one(), kind, **fields)
    await runner.claim_one()
    await counted(api, other)
    queue = await figures(overseer(other))
    assert (queue.ready, queue.scheduled, queue.running) == (2, 1, 1)
    [own] = queue.types
    hour = own.last_60_minutes
    assert hour is not None
    assert own.last_5_minutes is not None
    assert (own.type, own.ready, own.running) == (TYPE, 2, 1)
    assert (hour.created, hour.claimed, hour.completed, hour.failed) == (6, 3, 1, 1)
    assert (hour.failure_rate, own.last_5_minutes.completed) == (0.5, 1)
    assert hour.pickup_p95_seconds is not None
    assert hour.run_p50_seconds is not None
    assert hour.pickup_max_seconds is not None
    assert hour.pickup_p95_seconds <= hour.pickup_max_seconds
    assert queue.oldest_waiting_seconds is not None


async def test_a_tracked_job_counts_as_created_and_waits_for_nobody(api: Api, runner: RunnerForTests) -> None:
    await runner.create(mode="tracked", runner="web-1")
    await counted(api)
    hour = (await figures(overseer(api))).types[0].last_60_minutes
    assert hour is not None
    assert (hour.created, hour.claimed, hour.pickup_p50_seconds) == (1, 0, None)


async def test_queues_are_listed_by_name_also_those_that_only_a_type_or_an_order_names(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    await runner.register(spec(), spec("demo.b", queue="idle"))
    await connection.execute(
        "INSERT INTO queues (name, paused_at, paused_by, concurrency_limit) VALUES ('held', now(), 'ada', 3)"
    )
    await api.create()
    await counted(api)
    first = QueueFiguresPage.model_validate((await api.get("/v1/queues", limit=2)).body)
    rest = QueueFiguresPage.model_validate((await api.get("/v1/queues", page=first.next_page)).body)
    assert [queue.name for queue in (*first.items, *rest.items)] == [
        "default",
        "held",
        "idle",
        "wayside-internal",
    ]
    held = first.items[1]
    assert (held.is_paused, held.paused_by, held.concurrency_limit, rest.next_page) == (True, "ada", 3, None)
    assert (await api.get("/v1/queues/none")).status == 404


async def test_of_the_jobs_in_a_queue_everybody_is_shown_those_they_may_see(
    api: Api, runner: RunnerForTests
) -> None:
    other = api.as_("eve", scope="other")
    for who in (api, other, other):
        await who.create()
    await counted(api)
    everything, mine = await figures(overseer(api)), await figures(api)
    assert (everything.all_scopes, everything.ready, mine.all_scopes, mine.ready) == (True, 3, False, 1)
    assert (mine.types[0].ready, mine.types[0].last_60_minutes) == (1, None)
    assert (await figures(overseer(api), scope="other")).ready == 2
    assert (await api.get("/v1/queues", scope="other")).status == 403
    assert (await api.as_("x", scope="nothing").get("/v1/queues/default")).body["ready"] == 0


async def test_prometheus_gets_the_newest_count_without_waiting(api: Api, runner: RunnerForTests) -> None:
    await api.create()
    line = f'wayside_jobs_queue_jobs{{queue="default",state="ready",type="{TYPE}"}} 1.0'

    async def is_shown() -> bool:
        async with api.client.get("/metrics") as response:
            return line in await response.text()

    assert await eventually(is_shown)


async def test_what_was_counted_is_written_when_the_instance_ends(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    api = await start_instance()
    await RunnerForTests(bus).register()
    await api.create()
    await api.client.close()
    assert await connection.fetchval("SELECT sum(created) FROM job_stats") == 1


async def test_counts_of_two_instances_in_one_minute_add_up(api: Api, connection: Connection) -> None:
    tally = Tally(created=2)
    tally.picked_up(0.0015)
    database = api.client.app[DATABASE]
    place = Place(datetime.now(UTC), "q", "t")  # what is a day old is deleted
    for _ in range(2):
        await Stats(Store(database)).add({place: tally})
    row = await connection.fetchrow("SELECT * FROM job_stats WHERE queue = 'q'")
    assert row is not None
    assert (row["created"], row["claimed"], row["pickup_seconds"]) == (4, 2, 0.003)
    assert row["pickup_max_seconds"] == 0.0015
    assert list(row["pickup_buckets"]) == [0, 0, 2] + [0] * (len(PICKUP_BOUNDS) - 2)


class FailingStats(Stats):
    """Takes counts when the database is there."""

    def __init__(self) -> None:
        self.is_down = True
        self.added: list[dict[Place, Tally]] = []

    async def add(self, tallies: Mapping[Place, Tally]) -> None:
        if self.is_down:
            raise DatabaseUnavailable
        self.added.append(dict(tallies))


class Nobody:
    """Hears what is told, and tells nobody."""

    async def notify(self, subject: str, payload: bytes = b"") -> None:
        """Nothing."""


async def test_what_is_counted_while_the_database_is_away_is_added_up_later() -> None:
    stats = FailingStats()
    announcer = Announcer(Nobody(), JobsMetrics(CollectorRegistry()), "here")
    statistics = Statistics(stats, announcer)
    announcer.committed([created()])
    await statistics.flush()
    announcer.committed([created(), Change(completed(), Completed())])
    stats.is_down = False
    await statistics.flush()
    await statistics.flush()
    [[tally]] = [list(added.values()) for added in stats.added]
    assert (tally.created, tally.completed, sum(tally.run_buckets)) == (2, 1, 1)


class SlowStats(Stats):
    """Takes snapshots when it is let."""

    def __init__(self) -> None:
        self.taken = 0
        self.may_go = asyncio.Event()
        self.is_down = False

    async def snapshot(self, *, minutes: int) -> Snapshot:
        self.taken += 1
        await self.may_go.wait()
        if self.is_down:
            raise DatabaseUnavailable
        return Snapshot(NOW, [], {})


async def test_all_who_ask_at_a_time_share_one_count_and_one_that_leaves_ends_it_for_nobody() -> None:
    stats = SlowStats()
    count = Count(stats)
    leaving, *staying = [asyncio.create_task(count.get()) for _ in range(5)]
    await asyncio.sleep(0)
    leaving.cancel()
    stats.may_go.set()
    snapshots = await asyncio.gather(*staying, count.get())
    assert (stats.taken, {snapshot.counted_at for snapshot in snapshots}) == (1, {NOW})


async def test_a_scrape_never_waits_and_a_count_that_fails_is_not_repeated_at_once() -> None:
    stats = SlowStats()
    stats.is_down = True
    count = Count(stats)
    assert count.newest() is None
    stats.may_go.set()
    with pytest.raises(DatabaseUnavailable):
        await count.get()
    assert count.newest() is None
    await asyncio.sleep(0)
    assert stats.taken == 1


async def test_while_counting_fails_the_last_count_is_shown() -> None:
    stats = SlowStats()
    stats.may_go.set()
    count = Count(stats)
    await count.get()
    stats.is_down = True
    object.__setattr__(count, "_fresh_until", 0.0)
    assert (await count.get()).counted_at == NOW
    assert stats.taken == 2


async def test_a_count_that_is_too_old_is_never_shown_however_often_it_is_asked_for() -> None:
    stats = SlowStats()
    stats.may_go.set()
    count = Count(stats)
    await count.get()
    stats.is_down = True
    object.__setattr__(count, "_fresh_until", 0.0)
    object.__setattr__(count, "_taken_at", float("-inf"))
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            await count.get()
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("buckets", "share", "value"),
    [
        ([0, 0, 0, 0], 0.5, None),
        ([4, 0, 0, 0], 0.5, 0.5),
        ([0, 4, 0, 0], 0.5, 1.5),
        ([2, 2, 0, 0], 0.5, 1.0),
        ([0, 0, 1, 0], 0.95, 3.9),
        ([0, 0, 0, 9], 0.5, 6.0),
        ([0, 0, 0, 9], 1.0, 8.0),
    ],
)
def test_a_percentile_is_interpolated_in_its_bucket(
    buckets: Sequence[int], share: float, value: float | None
) -> None:
    found = quantile([1.0, 2.0, 4.0], buckets, share, maximum=8.0)
    assert found == (pytest.approx(value) if value is not None else None)


@given(st.lists(st.floats(0, 11_000), min_size=1, max_size=30), st.floats(0, 1))
def test_no_percentile_exceeds_the_largest_value_or_misses_its_bucket(
    values: list[float], share: float
) -> None:
    tally = Tally()
    for value in values:
        tally.picked_up(value)
    found = quantile(PICKUP_BOUNDS, tally.pickup_buckets, share, maximum=tally.pickup_max_seconds)
    assert found is not None
    assert found <= max(values)
    exact = sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]
    assert found <= max(exact * 1.42, 0.001)


def test_a_window_has_the_minutes_it_says_and_the_one_that_has_just_begun() -> None:
    minute = NOW.replace(second=0)
    tallies: Any = [(minute - timedelta(minutes=ago), Tally(completed=1)) for ago in range(10)]
    shown = window(tallies, minutes=5, now=NOW)
    assert shown.completed == 5
    assert shown.ended_per_minute == pytest.approx(5 / 4.5)
    assert (shown.failure_rate, shown.run_p50_seconds) == (0.0, None)


def test_what_takes_longer_than_the_last_bound_is_counted_too() -> None:
    tally = Tally()
    tally.picked_up(10**9)
    tally.picked_up(-1.0)
    assert (tally.pickup_buckets[-1], tally.pickup_buckets[0], tally.pickup_seconds) == (1, 1, 10**9)
