"""Reports over NATS: fencing, repeats, batches in which one is wrong, and group commit."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.jobs.api import Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, EventLog, StartInstance

from wayside_events.bus import Bus
from wayside_events.contracts.jobs import Outcome
from wayside_events.jobs import JobStatus

LINE = {"time": datetime.now(UTC).isoformat(), "message": "hello", "context": {"n": 1}}

FAIL_ONCE = """
    CREATE SEQUENCE tries;
    CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF nextval('jobs.tries') = 1 THEN RAISE 'no' USING ERRCODE = 'deadlock_detected'; END IF;
        RETURN NEW; END $$;
"""


def outcomes(answers: tuple[Any, ...]) -> list[Outcome]:
    return [answer.outcome for answer in answers]


async def test_a_batch_that_is_sent_again_changes_nothing(api: Api, runner: RunnerForTests) -> None:
    job = await api.create()
    assignment = await runner.claim_one()
    batch = [
        runner.said(assignment, "progress", progress={"percent": 50}),
        runner.said(assignment, "log", entries=[LINE]),
        runner.said(assignment, "complete", result=1),
    ]
    assert outcomes(await runner.send(*batch)) == [Outcome.ACCEPTED] * 3
    before = await api.job(job.id)
    assert outcomes(await runner.send(*batch)) == [Outcome.STALE] * 3
    assert await api.job(job.id) == before


WRONG_REPORTS: list[Any] = [
    ({"kind": "dance"}, 422, "invalid_input", ""),
    ("not even an object", 422, "invalid_input", ""),
    ({"seq": -1}, 422, "invalid_input", "/seq"),
    ({"seq": 2**63}, 422, "invalid_input", "/seq"),
    ({"job_id": "nonsense"}, 422, "invalid_input", "/job_id"),
    ({"result": "nul \0"}, 422, "invalid_input", "/result"),
    ({"result": "x" * 300_000}, 413, "too_large", "/result"),
    ({"resultt": 1}, 422, "invalid_input", "/resultt"),
]


async def test_one_bad_report_does_not_block_its_batch(
    api: Api, runner: RunnerForTests, subtests: pytest.Subtests
) -> None:
    for wrong, status, code, place in WRONG_REPORTS:
        with subtests.test(str(wrong)[:50]):
            await api.create()
            assignment = await runner.claim_one()
            good = runner.said(assignment, "complete", result=1)
            bad = {**good, **wrong} if isinstance(wrong, dict) else wrong
            accepted, invalid = await runner.send(good, bad)
            assert (invalid.outcome, accepted.outcome) == (Outcome.INVALID, Outcome.ACCEPTED)
            assert invalid.problem is not None
            assert (invalid.problem.status, invalid.problem.code) == (status, code)
            assert invalid.problem.errors[0].field == f"/reports/1{place}"


async def test_a_batch_that_is_wrong_in_every_way_is_answered_all_the_same(
    api: Api, runner: RunnerForTests
) -> None:
    await api.create()
    good = runner.said(await runner.claim_one(), "complete", result=1)
    wrong = {"kind": "heartbeat", "job_id": "x" * 200} | {f"unknown_{n}" + "y" * 10: 1 for n in range(25)}
    answers = await runner.send(*[wrong] * 999, good)
    assert outcomes(answers) == [Outcome.INVALID] * 999 + [Outcome.ACCEPTED]


async def test_what_only_the_database_refuses_is_refused_alone(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    await connection.execute("ALTER TABLE jobs ADD CHECK (result::text <> '666')")
    for _ in range(3):
        await api.create()
    claimed = await runner.claim(3)
    batch = [
        runner.said(item, "complete", result=result)
        for item, result in zip(claimed, [1, 666, 3], strict=True)
    ]
    answers = await runner.send(*batch)
    assert outcomes(answers) == [Outcome.ACCEPTED, Outcome.INVALID, Outcome.ACCEPTED]
    assert answers[1].problem is not None
    assert answers[1].problem.code == "refused"


async def test_a_transaction_that_the_database_ends_for_another_is_tried_again(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    await connection.execute(FAIL_ONCE)
    await api.create()
    assignment = await runner.claim_one()
    await connection.execute(
        "CREATE TRIGGER fail BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION fail_once()"
    )
    assert (await runner.report(assignment, "complete")).outcome is Outcome.ACCEPTED


async def test_the_reports_of_a_lost_runner_are_fenced(
    api: Api, runner: RunnerForTests, bus: Bus, connection: Connection
) -> None:
    job = await api.create()
    first = await runner.claim_one()
    await connection.execute("UPDATE jobs SET lease_expires_at = now(), due_at = now()")
    second = await RunnerForTests(bus, "runner-2").claim_one(wait_ms=10_000)
    assert (second.job.id, second.attempt) == (job.id, 2)
    assert (await runner.report(first, "complete", result="old")).outcome is Outcome.FENCED
    assert (await runner.report(second, "complete", result="new")).outcome is Outcome.ACCEPTED
    assert (await api.job(job.id)).result == "new"


async def test_an_attempt_that_never_was_is_fenced(api: Api, runner: RunnerForTests) -> None:
    await api.create()
    said = runner.said(await runner.claim_one(), "heartbeat")
    assert outcomes(await runner.send({**said, "attempt": 2**31})) == [Outcome.FENCED]


async def test_a_report_about_no_job_is_fenced(api: Api, runner: RunnerForTests) -> None:
    await api.create()
    said = runner.said(await runner.claim_one(), "heartbeat")
    [answer] = await runner.send({**said, "job_id": "0198f000-0000-7000-8000-000000000001"})
    assert (answer.outcome, answer.revision) == (Outcome.FENCED, None)


async def test_every_report_extends_the_lease(api: Api, runner: RunnerForTests) -> None:
    job = await api.create()
    assignment = await runner.claim_one()
    before = (await api.job(job.id)).lease_expires_at
    await runner.report(assignment, "heartbeat")
    after = await api.job(job.id)
    assert before is not None
    assert after.lease_expires_at is not None
    assert (after.lease_expires_at > before, after.revision) == (True, 2)


async def test_a_job_that_keeps_reporting_is_not_lost(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    job = await api.create()
    assignment = await runner.claim_one()
    await connection.execute("UPDATE jobs SET due_at = now() - interval '1 hour'")
    await asyncio.sleep(0.3)
    armed = await connection.fetchval("SELECT due_at = lease_expires_at FROM jobs")
    assert (armed, (await api.job(job.id)).status) == (True, JobStatus.RUNNING)
    assert (await runner.report(assignment, "heartbeat")).outcome is Outcome.ACCEPTED


async def test_a_failed_attempt_is_repeated_until_none_is_left(
    api: Api, runner: RunnerForTests, log: EventLog
) -> None:
    job = await api.create(max_attempts=2)
    for attempt in (1, 2):
        assignment = await runner.claim_one()
        assert assignment.attempt == attempt
        await runner.report(assignment, "fail", error={"code": "boom", "message": f"try {attempt}"})
    ended = await api.job(job.id)
    assert ended.error is not None
    assert (ended.status, ended.error.code, ended.error.message) == (JobStatus.FAILED, "boom", "try 2")
    assert await log.has(job.id, "queued", "started", "queued", "started", "failed")


async def test_a_released_job_is_claimed_again_at_once(api: Api, runner: RunnerForTests) -> None:
    await api.create(max_attempts=1)
    await runner.report(await runner.claim_one(), "release")
    assert (await runner.claim_one(wait_ms=5_000)).attempt == 2


async def test_the_log_keeps_the_newest_entries_and_counts_the_rest(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    api = await start_instance(log_entries_limit=5)
    runner = RunnerForTests(bus)
    await runner.register()
    job = await api.create()
    assignment = await runner.claim_one()
    for batch in range(3):
        entries = [{**LINE, "message": f"{batch}.{n}"} for n in range(3)]
        await runner.report(assignment, "log", entries=entries)
    page = (await api.get(f"/v1/jobs/{job.id}/logs", limit=3)).body
    assert ([entry["seq"] for entry in page["items"]], page["dropped"]) == ([5, 6, 7], 4)
    rest = (await api.get(f"/v1/jobs/{job.id}/logs", page=page["next_page"])).body
    assert ([entry["message"] for entry in rest["items"]], rest["next_page"]) == (["2.1", "2.2"], None)


async def test_concurrent_reports_of_many_jobs_are_all_applied_once(
    start_instance: StartInstance, bus: Bus, log: EventLog
) -> None:
    api, _ = [await start_instance() for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register(spec(lease_seconds=600))
    for number in range(20):
        await api.create(input=number)
    claimed = await runner.claim(20)

    async def run(assignment: Any) -> list[Outcome]:
        own = RunnerForTests(bus, "runner-1")
        said = [await own.report(assignment, "progress", progress={"percent": n}) for n in range(1, 6)]
        said.append(await own.report(assignment, "complete", result=assignment.job.input))
        return outcomes(tuple(said))

    assert await asyncio.gather(*map(run, claimed)) == [[Outcome.ACCEPTED] * 6] * 20
    for assignment in claimed:
        done = await api.job(assignment.job.id)
        assert (done.revision, done.result) == (8, assignment.job.input)
        assert await log.ends_with(done.id, "completed")
        # The relay may leave out progress that newer progress supersedes; everything else arrives.
        assert [name for name in log.types(done.id) if name != "progress"] == [
            "queued",
            "started",
            "completed",
        ]
