"""What is deleted when its time is over: in bounded batches, and whatever a single row is like."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.eventually import eventually
from tests.jobs.api import Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, EventLog, StartInstance
from tests.jobs.samples import completed

from wayside_events.bus import Bus
from wayside_jobs.routes.parameters import JOBS
from wayside_jobs.service import retention
from wayside_jobs.service.retention import fitting

ENTRIES = """
    INSERT INTO job_logs SELECT $1, n, now(), 'info', 'hello', '{}', 7 FROM generate_series(1, $2::bigint) AS n
"""
LOGGED = "UPDATE jobs SET log_seq = $2::bigint, log_bytes = 7 * $2::bigint WHERE id = $1"
EXPIRED = "UPDATE jobs SET expires_at = now() WHERE id = ANY($1::uuid[])"


async def ended(api: Api, count: int, connection: Connection, *, entries: int = 0) -> list[str]:
    """Canceled jobs with logs."""
    job_ids: list[str] = []
    for _ in range(count):
        job = await api.create(ttl_seconds=3600)
        await api.cancel(job.id)
        job_ids.append(job.id)
        if entries:
            await connection.execute(ENTRIES, job.id, entries)
            await connection.execute(LOGGED, job.id, entries)
    return job_ids


async def left(connection: Connection) -> tuple[int, int]:
    """How many jobs and log entries there are."""
    row = await connection.fetchrow("SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM job_logs)")
    assert row is not None
    return row[0], row[1]


@pytest.fixture
async def idle(start_instance: StartInstance, bus: Bus) -> Api:
    """An instance that deletes nothing unless it is told to."""
    api = await start_instance(sweep_interval_seconds=600)
    await RunnerForTests(bus).register()
    return api


async def test_jobs_with_large_logs_are_deleted_some_at_a_time_and_the_largest_by_parts(
    idle: Api, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LOG_ENTRIES_LIMIT", 10)
    jobs = idle.client.app[JOBS]
    small = await ended(idle, 3, connection, entries=4)
    [large] = await ended(idle, 1, connection, entries=25)
    await connection.execute(
        "UPDATE jobs SET expires_at = now() - interval '1 min' WHERE id = ANY($1::uuid[])", small
    )
    await connection.execute(EXPIRED, [large])
    seen = []
    while await jobs.retention.expire_jobs():
        seen.append(await left(connection))
    assert seen == [(2, 29), (1, 25), (1, 15), (1, 5)]
    assert await left(connection) == (0, 0)


async def test_a_canceled_parent_is_there_until_its_children_have_been_asked(
    idle: Api, connection: Connection
) -> None:
    jobs = idle.client.app[JOBS]
    [job_id] = await ended(idle, 1, connection)
    await connection.execute("UPDATE jobs SET is_cascading = true WHERE id = $1", job_id)
    await connection.execute(EXPIRED, [job_id])
    await jobs.retention.expire_jobs()
    assert await left(connection) == (1, 0)
    await jobs.cascader.step()
    await jobs.retention.expire_jobs()
    assert await left(connection) == (0, 0)


async def test_a_parent_whose_own_parent_may_be_canceled_is_kept_for_the_cascade(
    idle: Api, connection: Connection
) -> None:
    jobs = idle.client.app[JOBS]
    first = await idle.create()
    middle = await idle.create(parent_id=first.id)
    last = await idle.create(parent_id=middle.id)
    await idle.post(f"/v1/jobs/{middle.id}/cancel", {"cascade": False})
    await connection.execute(EXPIRED, [middle.id])
    await jobs.retention.expire_jobs()
    await idle.cancel(first.id)
    assert await eventually(lambda: is_canceled(idle, last.id))
    await connection.execute(EXPIRED, [middle.id])
    await jobs.retention.expire_jobs()
    assert (await idle.get(f"/v1/jobs/{middle.id}")).status == 404


async def is_canceled(api: Api, job_id: str) -> bool:
    return (await api.job(job_id)).status == "canceled"


async def test_a_log_that_is_half_deleted_says_so(
    idle: Api, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LOG_ENTRIES_LIMIT", 10)
    [job_id] = await ended(idle, 1, connection, entries=15)
    await connection.execute(EXPIRED, [job_id])
    assert await idle.client.app[JOBS].retention.expire_jobs()
    page = (await idle.get(f"/v1/jobs/{job_id}/logs")).body
    assert ([item["seq"] for item in page["items"]], page["dropped"]) == ([11, 12, 13, 14, 15], 10)


async def test_a_job_that_cannot_be_deleted_blocks_no_other_and_is_tried_again_later(
    idle: Api, connection: Connection, log: EventLog
) -> None:
    job_ids = await ended(idle, 7, connection)
    await connection.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
        f"CREATE TRIGGER refuse BEFORE DELETE ON jobs FOR EACH ROW WHEN (OLD.id = '{job_ids[2]}') "
        "EXECUTE FUNCTION refuse()"
    )
    await connection.execute(EXPIRED, job_ids)
    await idle.client.app[JOBS].retention.expire_jobs()
    rows = await connection.fetch(
        "SELECT id::text, expires_at > now() + interval '59 min' AS later FROM jobs"
    )
    assert [(row["id"], row["later"]) for row in rows] == [(job_ids[2], True)]
    for job_id in job_ids[:2] + job_ids[3:]:
        assert await log.ends_with(job_id, "expired")


async def test_a_job_that_cannot_be_ended_blocks_no_other_and_is_tried_again_later(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    jobs = [await api.create(max_attempts=1) for _ in range(5)]
    await runner.claim(5)
    await connection.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
        f"CREATE TRIGGER refuse BEFORE UPDATE ON jobs FOR EACH ROW WHEN (NEW.id = '{jobs[1].id}' "
        "AND NEW.status = 'failed') EXECUTE FUNCTION refuse()"
    )
    await connection.execute("UPDATE jobs SET lease_expires_at = now(), due_at = now()")

    async def others_failed() -> bool:
        return await connection.fetchval("SELECT count(*) = 4 FROM jobs WHERE status = 'failed'") is True

    assert await eventually(others_failed)
    assert await connection.fetchval(
        "SELECT due_at > now() + interval '50 s' FROM jobs WHERE status = 'running'"
    )


async def test_a_job_is_kept_as_long_as_it_says_or_its_type_or_the_service(
    start_instance: StartInstance, bus: Bus
) -> None:
    api = await start_instance(default_ttl_seconds=100)
    runner = RunnerForTests(bus)
    await runner.register(spec("demo.a"), spec("demo.b", ttl_seconds=200))
    kept = []
    for fields in ({"type": "demo.a"}, {"type": "demo.b"}, {"type": "demo.b", "ttl_seconds": 300}):
        job = await api.create(**fields)
        await api.cancel(job.id)
        job = await api.job(job.id)
        assert job.expires_at is not None
        assert job.finished_at is not None
        kept.append((job.expires_at - job.finished_at).total_seconds())
    assert kept == [100, 200, 300]


async def test_without_a_time_to_live_a_job_is_kept(api: Api, runner: RunnerForTests) -> None:
    job = await api.create()
    await api.cancel(job.id)
    assert (await api.job(job.id)).expires_at is None


OLD: list[Any] = [
    (
        "forget_keys",
        "idempotency_keys",
        "INSERT INTO idempotency_keys (scope, caller, key, request_hash, created_at) VALUES ('acme', 'ada', $1, '', now() - $2::interval)",
    ),
    (
        "forget_runners",
        "runners",
        "INSERT INTO runners (name, queues, job_types, slots, seen_at) VALUES ($1, '{}', '{}', 1, now() - $2::interval)",
    ),
    (
        "forget_stats",
        "job_stats",
        "INSERT INTO job_stats SELECT now() - $2::interval, 'q', $1, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}', '{}'",
    ),
]


async def test_what_is_a_day_old_is_forgotten(
    api: Api, connection: Connection, subtests: pytest.Subtests
) -> None:
    for verb, table, insert in OLD:
        with subtests.test(verb):
            await connection.execute(insert.replace("$1", "'old'").replace("$2", "'25 hours'"))
            await connection.execute(insert.replace("$1", "'new'").replace("$2", "'23 hours'"))
            assert await getattr(api.client.app[JOBS].retention, verb)() is False
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 1


async def test_the_key_of_a_child_is_kept_as_long_as_its_parent_is_active(
    idle: Api, connection: Connection
) -> None:
    forget = idle.client.app[JOBS].retention.forget_keys
    parent = await idle.create()

    async def spawn_a_day_later() -> str:
        await connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
        await forget()
        body = {"type": parent.type, "scope": parent.scope, "parent_id": parent.id}
        answer = await idle.post("/v1/jobs", body, headers={"Idempotency-Key": "child"})
        return str(answer.body["id"] if answer.status in (200, 201) else answer.body["code"])

    child = await spawn_a_day_later()
    await connection.execute("DELETE FROM jobs WHERE id = $1", child)
    assert await spawn_a_day_later() == child
    await idle.cancel(parent.id)
    assert await spawn_a_day_later() == "parent_ended"


@pytest.mark.parametrize(
    ("entries", "limit", "fits"),
    [([3, 3, 3], 9, 3), ([3, 3, 3], 8, 2), ([9], 8, 0), ([0, 0], 0, 2), ([], 5, 0)],
)
def test_as_many_jobs_fit_a_transaction_as_their_logs_allow(
    entries: Sequence[int], limit: int, fits: int
) -> None:
    jobs = [completed()._replace(log_seq=count + 5, log_dropped=5) for count in entries]
    assert len(fitting(jobs, limit)) == fits
