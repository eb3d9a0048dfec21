"""Jobs handed over to claims that wait for them: as if they had been created and then claimed, and in no other order."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.eventually import eventually
from tests.jobs.api import SCOPE, TYPE, Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, EventLog, StartInstance
from tests.jobs.samples import JOB_ID, NOW, TOKEN, claim, created, running
from tests.jobs.test_claiming import count_parked, inputs, parked
from tests.jobs.test_queues import limit, operator, pause

from wayside_events.bus import Bus, BusSettings
from wayside_events.contracts.jobs import Assignment
from wayside_events.identifiers import EntityId
from wayside_jobs.domain.claims import in_turn
from wayside_jobs.domain.creation import hand_over
from wayside_jobs.domain.job import Job, hash_token

RICH: dict[str, Any] = {
    "session_id": "s-1",
    "related": {"type": "report", "id": "7"},
    "priority": 7,
    "timeout_seconds": 60,
    "ttl_seconds": 3600,
    "input": {"a": [1, "ü"]},
    "max_attempts": 4,
    "origin": "test",
}


def waiting(runner: RunnerForTests, slots: int = 1, **fields: Any) -> "asyncio.Task[tuple[Assignment, ...]]":
    return asyncio.create_task(runner.claim(slots, wait_ms=20_000, **fields))


async def row(connection: Connection, job_id: str) -> dict[str, Any]:
    return dict(await connection.fetchrow("SELECT * FROM jobs WHERE id = $1", job_id) or {})


def was_handed_over(stored: dict[str, Any]) -> bool:
    """A claim of its own begins an attempt later than the job was created."""
    return bool(stored["started_at"] == stored["created_at"])


def without_times(stored: dict[str, Any]) -> dict[str, Any]:
    """The times of an attempt as they are to its beginning; without what is each job's own."""
    begun = stored["started_at"]
    spans = {
        name: stored[name] - begun for name in ("lease_expires_at", "timeout_at", "due_at", "updated_at")
    }
    own = dict.fromkeys(("id", "token_hash", "traceparent", "created_at", "run_at", "started_at", *spans))
    return {**stored, **own, "spans": spans}


def told(log: EventLog, job_id: str) -> list[dict[str, Any]]:
    events = []
    for event in log.of(job_id):
        document = event.model_dump(mode="json", by_alias=True)
        document["data"] |= {"job_id": None, "run_at": None}
        own = dict.fromkeys(("subject", "time", "traceparent"))
        events.append({**document, **own, "id": event.id.replace(job_id, "")})
    return events


def test_a_job_is_handed_over_as_a_claim_would_take_it() -> None:
    change = created(timeout_seconds=5)
    handed = hand_over(change, runner="r", token_hash=hash_token(TOKEN))
    assert handed == claim(change.job, runner="r", token_hash=hash_token(TOKEN), now=NOW)


def job(number: int, scope: str, priority: int = 5) -> Job:
    job_id = EntityId(f"{JOB_ID[:-2]}{number:02}")
    return running()._replace(id=job_id, scope=scope, priority=priority)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("after", "order"), [("", [4, 1, 3, 2, 5]), ("acme", [4, 3, 1, 2, 5]), ("zeta", [4, 1, 3, 2, 5])]
)
def test_new_jobs_take_turns_as_those_that_wait(after: str, order: Sequence[int]) -> None:
    jobs = [job(1, "acme"), job(2, "acme"), job(3, "zeta"), job(4, "zeta", 9), job(5, "acme")]
    # The urgent job is the first of its scope, so the other is the second.
    jobs[2] = job(3, "beta")
    assert [int(each.id[-2:]) for each in in_turn(jobs, after)] == order


async def test_a_job_that_is_handed_over_is_stored_and_told_as_one_that_is_claimed(
    api: Api, runner: RunnerForTests, connection: Connection, log: EventLog
) -> None:
    claims = waiting(runner)
    await parked(api)
    handed = await api.create(**RICH)
    [assignment] = await claims
    claimed = await api.create(**RICH)
    again = await runner.claim_one()
    assert (handed.status, handed.revision) == (claimed.status, claimed.revision) == ("queued", 1)
    one, other = [await row(connection, each.id) for each in (handed, claimed)]
    assert was_handed_over(one)
    assert not was_handed_over(other)
    assert without_times(one) == without_times(other)
    assert one["token_hash"] == hash_token(assignment.token)
    same = {"id": None, "created_at": None, "traceparent": None}
    assert {**assignment.job.model_dump(), **same} == {**again.job.model_dump(), **same}
    for each in (handed, claimed):
        assert await log.has(each.id, "queued", "started")
    assert told(log, handed.id) == told(log, claimed.id)
    assert (await runner.report(assignment, "complete", result=3)).revision == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [({}, {"scope": "zeta"}), ({"priority": 6}, {"priority": 5}), ({"type": "demo.other"}, {})],
)
async def test_what_waits_comes_before_what_is_created(
    start_instance: StartInstance,
    bus: Bus,
    connection: Connection,
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    api = await start_instance(claim_backstop_seconds=60)
    root = Api(api.client, "root", ("admin",), "*")
    runner = RunnerForTests(bus)
    await runner.register(spec(), spec("demo.other"))
    # Nobody speaks of this one when its queue is another.
    missed = await root.create(**{"scope": SCOPE, "queue": "elsewhere", **first})
    claims = waiting(runner, job_types=[TYPE, "demo.other"])
    await parked(api)
    await connection.execute("UPDATE jobs SET queue = 'default'")
    new = await root.create(**{"scope": SCOPE, **second})
    [assignment] = await claims
    assert assignment.job.id == missed.id
    assert (await row(connection, new.id))["status"] == "queued"


async def test_of_a_batch_the_most_urgent_are_handed_over_and_every_scope_has_its_turn(
    start_instance: StartInstance, bus: Bus
) -> None:
    api = await start_instance(claim_backstop_seconds=60)
    root = Api(api.client, "root", ("admin",), "*")
    runner = RunnerForTests(bus)
    await runner.register()
    claims = waiting(runner, slots=3)
    await parked(api)
    wanted = [("acme", 5, 1), ("acme", 5, 2), ("acme", 5, 3), ("zeta", 5, 4), ("zeta", 9, 5), ("beta", 5, 6)]
    jobs = [{"type": TYPE, "scope": scope, "priority": urgency, "input": n} for scope, urgency, n in wanted]
    assert (await root.post("/v1/jobs/batch", {"jobs": jobs})).status in (200, 201)
    assert inputs(await claims) == [5, 1, 6]
    assert inputs(await runner.claim(10)) == [4, 2, 3]


async def test_what_may_not_run_now_is_not_handed_over(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    claims = waiting(runner, 5, queues=["default", "other"])
    await parked(api)
    await pause(api)
    held = await api.create()
    later = await api.create(queue="other", run_at="2999-01-01T00:00:00Z")
    rows = [await row(connection, each.id) for each in (held, later)]
    assert [(stored["status"], stored["revision"]) for stored in rows] == [("queued", 1)] * 2
    assert not claims.done()
    await operator(api).post("/v1/queues/default/resume")
    assert [each.job.id for each in await claims] == [held.id]
    await limit(api, concurrency_limit=2)
    claims = waiting(runner, 5)
    await parked(api)
    jobs = [{"type": TYPE, "scope": SCOPE}] * 3
    await api.post("/v1/jobs/batch", {"jobs": jobs})
    assert len(await claims) == 1


async def test_a_paused_queue_that_a_runner_serves_too_delays_nobody(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    await api.create(queue="other")
    await pause(api, "other")
    claims = waiting(runner, queues=["default", "other"])
    await parked(api)
    created = await api.create()
    assert [each.job.id for each in await claims] == [created.id]
    assert was_handed_over(await row(connection, created.id))


async def test_a_job_that_exists_is_handed_to_nobody_again(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    claims = [waiting(runner)]
    await parked(api)
    claims.append(waiting(runner))
    await parked(api, 2)
    headers = {"Idempotency-Key": "k"}
    body = {"type": TYPE, "scope": SCOPE, "unique_key": "u", "input": 1}
    first, repeat = [await api.post("/v1/jobs", body, headers=headers) for _ in range(2)]
    assert (first.status, repeat.status) == (201, 201)
    assert first.body == repeat.body
    assert (await api.post("/v1/jobs", {**body, "input": 2})).body["id"] == first.body["id"]
    assert was_handed_over(await row(connection, first.body["id"]))
    await parked(api)
    await api.create(parent_id=first.body["id"])
    assert [inputs(answer) for answer in await asyncio.gather(*claims)] == [[1], [None]]
    assert (await api.job(first.body["id"])).child_count == 1


async def test_claims_wait_on_when_the_job_that_was_theirs_could_not_be_created(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    api = await start_instance(claim_backstop_seconds=60)
    runner = RunnerForTests(bus)
    await runner.register()
    claims = waiting(runner)
    await parked(api)
    await connection.execute("ALTER TABLE jobs ADD CONSTRAINT no_evil CHECK (input::text <> '\"evil\"')")
    refused = await api.post("/v1/jobs", {"type": TYPE, "scope": SCOPE, "input": "evil"})
    assert refused.status == 422
    await parked(api)
    good = await api.create()
    assert [each.job.id for each in await claims] == [good.id]


async def test_a_runner_that_vanished_before_its_answer_has_its_job_taken_back(
    api: Api, bus: Bus, runner: RunnerForTests, log: EventLog, nats_url: str
) -> None:
    async with Bus.connected(BusSettings(url=nats_url)) as gone:
        claims = waiting(RunnerForTests(gone, "gone"))
        await parked(api)
        claims.cancel()
    job = await api.create(max_attempts=1)
    assert await log.has(job.id, "queued", "started", "queued")
    again = await runner.claim_one()
    assert (again.job.id, again.attempt, again.job.max_attempts) == (job.id, 2, 2)


async def test_jobs_of_two_instances_reach_the_claims_of_both_once(
    start_instance: StartInstance, bus: Bus, connection: Connection, log: EventLog
) -> None:
    one, other = [await start_instance(claim_backstop_seconds=60) for _ in range(2)]
    runners = [RunnerForTests(bus, f"runner-{number}") for number in range(8)]
    await runners[0].register()
    taken: list[str] = []

    async def work(runner: RunnerForTests) -> None:
        while len(taken) < 80:
            for assignment in await runner.claim(2, wait_ms=1_000):
                taken.append(assignment.job.id)
                await RunnerForTests(bus, runner.name).report(assignment, "complete")

    working = [asyncio.create_task(work(runner)) for runner in runners]

    async def all_parked() -> bool:
        return await count_parked(one) + await count_parked(other) == len(runners)

    assert await eventually(all_parked)
    for _ in range(10):
        await asyncio.gather(*(instance.create() for instance in (one, other) for _ in range(4)))
    await asyncio.gather(*working)
    rows = await connection.fetch("SELECT * FROM jobs")
    assert len(taken) == len(set(taken)) == len(rows) == 80
    assert {(stored["status"], stored["revision"], stored["attempt"]) for stored in rows} == {
        ("completed", 3, 1)
    }
    assert any(was_handed_over(dict(stored)) for stored in rows)
    for job_id in taken:
        assert await log.has(job_id, "queued", "started", "completed")
