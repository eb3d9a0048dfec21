"""Cancel and retry many jobs: at once with the outcome of each, or by a job that survives its runner."""

import asyncio
from typing import Any

from tests.eventually import eventually
from tests.jobs.api import SCOPE, TYPE, Answer, Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, EventLog, StartInstance

from wayside_events.bus import Bus
from wayside_events.contracts.jobs import Job
from wayside_events.jobs import JobStatus

UNKNOWN = "0198f000-0000-7000-8000-00000000ffff"
COPY = """
    INSERT INTO jobs (id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts, is_ready,
        created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, backoff_initial_seconds,
        backoff_factor, backoff_max_seconds, backoff_jitter, depth, seq, progress, input_bytes, input, finished_at)
    SELECT gen_random_uuid(), scope, type, mode, queue, priority, status, revision, attempt, max_attempts, is_ready,
        created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, backoff_initial_seconds,
        backoff_factor, backoff_max_seconds, backoff_jitter, 0, seq, progress, input_bytes, input, finished_at
    FROM jobs, generate_series(1, $2) WHERE id = $1
"""


async def bulk(api: Api, action: str, key: str | None = None, **fields: Any) -> Answer:
    headers = {"Idempotency-Key": key} if key else {}
    return await api.post("/v1/jobs/bulk", {"action": action, "scope": SCOPE, **fields}, headers=headers)


async def failed(api: Api, runner: RunnerForTests, **fields: Any) -> Job:
    job = await api.create(max_attempts=1, **fields)
    await runner.report(await runner.claim_one(), "fail", error={"code": "c", "message": "m"})
    return job


async def ended(api: Api, job_id: str, within_seconds: float = 15) -> Job:
    async def is_over() -> bool:
        return (await api.job(job_id)).finished_at is not None

    assert await eventually(is_over, within_seconds=within_seconds)
    return await api.job(job_id)


def outcomes(answer: Answer) -> dict[str, str]:
    return {item["job_id"]: item["outcome"] for item in answer.body["items"]}


async def test_a_dry_run_counts_and_shows_and_does_nothing(api: Api, runner: RunnerForTests) -> None:
    jobs = [await api.create(session_id="s") for _ in range(3)]
    await api.create(session_id="other")
    answer = await bulk(api, "cancel", filter={"session_id": "s"}, dry_run=True)
    assert (answer.status, answer.body["matched"], answer.body["dry_run"]) == (200, 3, True)
    assert {job["id"] for job in answer.body["sample"]} == {job.id for job in jobs}
    assert (await api.job(jobs[0].id)).status is JobStatus.QUEUED


async def test_a_filter_cancels_what_it_finds_and_nothing_else(
    api: Api, runner: RunnerForTests, log: EventLog
) -> None:
    running = await api.create(session_id="s")
    await runner.claim_one()
    waiting, other = await api.create(session_id="s"), await api.create(session_id="other")
    answer = await bulk(api, "cancel", filter={"session_id": "s"}, reason="tidy")
    assert outcomes(answer) == {running.id: "done", waiting.id: "done"}
    assert (answer.body["matched"], answer.body["done"]) == (2, 2)
    assert await log.has(waiting.id, "queued", "canceled")
    assert await log.has(running.id, "queued", "started", "cancel_requested")
    assert (await api.job(other.id)).status is JobStatus.QUEUED
    cancel = (await api.job(running.id)).cancel
    assert cancel is not None
    assert (cancel.requested_by, cancel.reason) == ("ada", "tidy")


async def test_each_named_job_has_an_outcome_of_its_own(api: Api, runner: RunnerForTests) -> None:
    await runner.register(spec(), spec("demo.firm", capabilities={"cancel": False}))
    over = await failed(api, runner)
    firm = await api.create(type="demo.firm")
    await runner.claim_one(job_types=["demo.firm"])
    waiting, twice = await api.create(), await api.create()
    await runner.claim(2)
    await api.cancel(twice.id)
    named = [over.id, firm.id, waiting.id, twice.id, UNKNOWN, waiting.id]
    answer = await bulk(api, "cancel", job_ids=named)
    assert outcomes(answer) == {
        over.id: "skipped",
        firm.id: "failed",
        waiting.id: "done",
        twice.id: "skipped",
        UNKNOWN: "not_found",
    }
    problems = {item["job_id"]: item.get("problem", {}).get("code") for item in answer.body["items"]}
    assert (problems[over.id], problems[firm.id]) == ("wrong_state", "cancel_not_supported")
    assert {failure["code"] for failure in answer.body["failures"]} == {"cancel_not_supported", "not_found"}


async def test_jobs_of_another_scope_are_not_found(api: Api, runner: RunnerForTests) -> None:
    job = await api.create()
    stranger = api.as_("eve", "operator", scope="other")
    body = {"action": "cancel", "scope": "other", "job_ids": [job.id]}
    assert outcomes(await stranger.post("/v1/jobs/bulk", body)) == {job.id: "not_found"}
    assert (await bulk(stranger, "cancel", job_ids=[job.id])).body["code"] == "scope_forbidden"
    assert (await bulk(api.as_("vi", "viewer"), "cancel", job_ids=[job.id])).status == 403
    assert (await api.job(job.id)).status is JobStatus.QUEUED


async def test_a_retry_by_filter_retries_the_last_of_each_chain_only(
    api: Api, runner: RunnerForTests
) -> None:
    first, other = await failed(api, runner, session_id="s"), await failed(api, runner, session_id="s")
    again = Job.model_validate((await api.post(f"/v1/jobs/{first.id}/retry")).body)
    await runner.report(
        await runner.claim_one(), "fail", error={"code": "c", "message": "m", "retryable": False}
    )
    answer = await bulk(api, "retry", filter={"session_id": "s"})
    assert outcomes(answer) == {first.id: "skipped", again.id: "done", other.id: "done"}
    retried = {item["job_id"]: item["retried_by"] for item in answer.body["items"]}
    assert retried[first.id] == again.id
    assert (await api.job(retried[other.id])).retry_of == other.id
    assert (await bulk(api, "retry", filter={"session_id": "s"})).body["done"] == 0


async def test_what_a_bulk_order_says_wrong_is_named(api: Api, runner: RunnerForTests) -> None:
    for fields, field in (
        ({"filter": {"colour": "red"}}, "/filter/colour"),
        ({"filter": {"status": ["lost"]}}, "/filter/status/0"),
        ({"filter": {}}, "/filter/all"),
        ({}, "/filter"),
        ({"job_ids": []}, "/job_ids"),
        ({"job_ids": ["x"]}, "/job_ids/0"),
        ({"job_ids": [UNKNOWN] * 1001}, "/job_ids"),
        ({"filter": {"session_id": "a\0"}}, "/filter/session_id"),
        ({"filter": {"all": True}, "colour": 1}, "/colour"),
    ):
        answer = await bulk(api, "cancel", **fields)
        assert (answer.status, list(answer.codes)) == (422, [field])
    assert (await bulk(api, "delete", filter={"all": True})).status == 422


async def test_a_repeat_of_a_bulk_order_gets_the_first_answer(api: Api, runner: RunnerForTests) -> None:
    await failed(api, runner, session_id="s")
    first = await bulk(api, "retry", "k", filter={"session_id": "s"})
    again = await bulk(api, "retry", "k", filter={"session_id": "s"})
    other = await bulk(api, "retry", "k", filter={"session_id": "t"})
    assert (first.body["done"], again.status, again.body) == (1, 200, first.body)
    assert (other.status, other.body["code"]) == (409, "idempotency_key_reused")


async def test_many_jobs_are_the_work_of_a_job(
    api: Api, runner: RunnerForTests, connection: Connection, log: EventLog
) -> None:
    job = await api.create(session_id="s")
    await connection.execute(COPY, job.id, 1_000)
    await connection.execute("UPDATE jobs SET session_id = 's'")
    answer = await bulk(api, "cancel", "k", filter={"session_id": "s"})
    assert (answer.status, answer.body["matched"]) == (202, 1_001)
    assert (await bulk(api, "cancel", "k", filter={"session_id": "s"})).body == answer.body
    work = await ended(api, answer.body["job"]["id"])
    assert (work.status, work.type, work.created_by) == (JobStatus.COMPLETED, "wayside.jobs.bulk", "ada")
    assert work.result == {"matched": 1_001, "done": 1_001, "skipped": 0, "failed": 0, "failures": []}
    assert await connection.fetchval("SELECT count(*) FROM jobs WHERE status = 'canceled'") == 1_001
    assert await log.ends_with(work.id, "completed")
    assert "progress" in log.types(work.id)


async def test_a_bulk_job_is_stopped_by_canceling_it(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    work, held = await bulk_job_that_waits(api, connection, 1_000)
    canceling = asyncio.create_task(api.cancel(work))
    await held.close()
    assert (await canceling).status == 200
    stopped = await ended(api, work)
    assert stopped.status is JobStatus.CANCELED
    assert await connection.fetchval("SELECT count(*) FROM jobs WHERE status = 'queued'") > 500
    assert isinstance(stopped.partial, dict)
    assert stopped.partial["matched"] == 1_001


async def bulk_job_that_waits(api: Api, connection: Connection, copies: int) -> tuple[str, "Held"]:
    """A bulk job whose runner has begun, and waits for the lock of a job it is to work on."""
    job = await api.create()
    await connection.execute(COPY, job.id, copies)
    held = await Held.last_of(connection)
    answer = await bulk(api, "cancel", filter={"type": TYPE})
    work: str = answer.body["job"]["id"]

    async def has_begun() -> bool:
        return bool(await connection.fetchval("SELECT count(*) FROM bulk_runs"))

    assert await eventually(has_begun)
    return work, held


class Held:
    """The lock of one of the first jobs a bulk job will come to."""

    def __init__(self, transaction: Any) -> None:
        self._transaction = transaction

    @classmethod
    async def last_of(cls, connection: Connection) -> "Held":
        transaction = connection.transaction()
        await transaction.start()
        await connection.fetch("SELECT FROM jobs ORDER BY id LIMIT 1 FOR UPDATE")
        return cls(transaction)

    async def close(self) -> None:
        await self._transaction.rollback()


async def test_a_bulk_job_goes_on_after_its_runner_is_lost_and_does_nothing_twice(
    start_instance: StartInstance, bus: Bus, connection: Connection, log: EventLog
) -> None:
    """The first attempt is fenced between two steps; the second goes on from the counts the first one kept."""
    api = await start_instance()
    runner = RunnerForTests(bus)
    await runner.register()
    job = await failed(api, runner)
    await connection.execute(COPY, job.id, 1_500)
    answer = await bulk(api, "retry", filter={"type": TYPE})
    assert answer.status == 202, answer.body
    work = answer.body["job"]["id"]

    async def is_half_done() -> bool:
        return bool(await connection.fetchval("SELECT count(*) FROM jobs WHERE retry_of IS NOT NULL") > 300)

    assert await eventually(is_half_done)
    await connection.execute("UPDATE jobs SET lease_expires_at = now(), due_at = now() WHERE id = $1", work)
    done = await ended(api, work)
    assert done.status is JobStatus.COMPLETED
    assert isinstance(done.result, dict)
    assert (done.result["matched"], done.result["done"]) == (1_501, 1_501)
    retries = "SELECT count(*), count(DISTINCT retry_of) FROM jobs WHERE retry_of IS NOT NULL"
    assert tuple(await connection.fetchrow(retries) or ()) == (1_501, 1_501)


async def test_an_instance_that_stops_gives_its_bulk_job_to_another(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    api = await start_instance()
    await RunnerForTests(bus).register()
    job = await api.create()
    await connection.execute(COPY, job.id, 2_000)
    work = (await bulk(api, "cancel", filter={"type": TYPE})).body["job"]["id"]

    async def has_begun() -> bool:
        return bool(await connection.fetchval("SELECT count(*) FROM bulk_runs"))

    assert await eventually(has_begun)
    other, _ = await asyncio.gather(start_instance(), api.client.close())
    done = await ended(other, work)
    assert (done.status, done.error) == (JobStatus.COMPLETED, None)


async def test_what_a_bulk_job_that_failed_has_noted_is_forgotten(
    start_instance: StartInstance, connection: Connection
) -> None:
    await connection.execute("INSERT INTO bulk_runs VALUES ($1, '{}')", UNKNOWN)
    await connection.execute("INSERT INTO bulk_items VALUES ($1, $1)", UNKNOWN)
    await start_instance()

    async def is_forgotten() -> bool:
        notes = await connection.fetchval("SELECT count(*) FROM bulk_items")
        return bool(notes + await connection.fetchval("SELECT count(*) FROM bulk_runs") == 0)

    assert await eventually(is_forgotten)


async def test_nobody_else_makes_jobs_of_the_service_itself(api: Api, runner: RunnerForTests) -> None:
    for fields, field in (
        ({"type": "wayside.jobs.bulk"}, "/type"),
        ({"queue": "wayside-internal"}, "/queue"),
    ):
        answer = await api.post("/v1/jobs", {"type": TYPE, "scope": SCOPE, **fields})
        assert (answer.status, answer.codes) == (422, {field: "reserved"})


async def test_a_job_at_which_the_service_fails_is_one_outcome_and_the_others_go_on(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    first, poison, last = [await api.create() for _ in range(3)]
    await connection.execute("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON jobs FOR EACH ROW WHEN (OLD.session_id = 'poison') EXECUTE FUNCTION refuse();
    """)
    await connection.execute("UPDATE jobs SET session_id = 'poison' WHERE id = $1", poison.id)
    answer = await bulk(api, "cancel", job_ids=[first.id, poison.id, last.id])
    assert outcomes(answer) == {first.id: "done", poison.id: "failed", last.id: "done"}
    assert (answer.body["items"][1]["problem"]["code"], answer.body["failed"]) == ("internal_error", 1)
    await connection.execute(COPY, (await api.create()).id, 600)
    work = await ended(api, (await bulk(api, "cancel", filter={"type": TYPE})).body["job"]["id"])
    result: Any = work.result
    assert (work.status, result["done"], result["failed"]) == (JobStatus.COMPLETED, 601, 1)
    assert result["failures"][0]["job_id"] == poison.id


async def test_more_than_ten_thousand_matches_are_not_counted(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    await connection.execute(COPY, (await api.create()).id, 10_000)
    answer = await bulk(api, "cancel", filter={"type": TYPE}, dry_run=True)
    assert (answer.body["matched"], answer.body["more"]) == (10_000, True)
