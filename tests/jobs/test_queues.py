"""Flow control: pauses, limits that are exact over two instances, and turns for every scope."""

import asyncio
from typing import Any

import pytest
from tests.eventually import eventually
from tests.jobs.api import TYPE, Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, StartInstance
from tests.jobs.test_claiming import inputs, parked

from wayside_events.bus import Bus
from wayside_events.contracts.jobs import REGISTER_SUBJECT, Assignment, RegisterReply, RegisterRequest

MOST_AT_ONCE = """
SELECT max(n) FROM (
    SELECT sum(step) OVER (PARTITION BY scope ORDER BY at, step) AS n
    FROM (
        SELECT CASE WHEN $1 THEN scope ELSE '' END AS scope, started_at AS at, 1 AS step FROM jobs
        UNION ALL SELECT CASE WHEN $1 THEN scope ELSE '' END, finished_at, -1 FROM jobs
    ) AS steps
) AS counts
"""
"""A claim counts after what it saw end was committed: the times of the attempts tell how many ran at once."""


def operator(api: Api) -> Api:
    """Somebody who may set what concerns all scopes."""
    return api.as_("olga", "admin", scope="*")


async def limit(api: Api, queue: str = "default", **limits: int) -> None:
    answer = await operator(api).call("PUT", f"/v1/queues/{queue}", json=limits)
    assert answer.status == 200, answer.body


async def pause(api: Api, queue: str = "default", **body: Any) -> Any:
    answer = await operator(api).post(f"/v1/queues/{queue}/pause", body)
    assert answer.status == 200, answer.body
    return answer.body


async def test_a_pause_says_who_wanted_it_and_why(api: Api, runner: RunnerForTests) -> None:
    paused = await pause(api, reason="the model is down")
    assert paused["is_paused"]
    assert (paused["paused_by"], paused["pause_reason"]) == ("olga", "the model is down")
    resumed = (await operator(api).post("/v1/queues/default/resume")).body
    assert (resumed["is_paused"], resumed["paused_by"]) == (False, None)


async def test_nothing_of_a_paused_queue_is_given_out_until_it_resumes(
    start_instance: StartInstance, bus: Bus
) -> None:
    one, other = [await start_instance(claim_backstop_seconds=60) for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register()
    await pause(one)
    await other.create(input="waits")
    assert [await runner.claim(1) for _ in range(6)] == [()] * 6
    claim = asyncio.create_task(runner.claim(1, wait_ms=20_000))
    await asyncio.sleep(0.1)
    await operator(other).post("/v1/queues/default/resume")
    assert inputs(await asyncio.wait_for(claim, 10)) == ["waits"]


async def test_no_job_starts_after_a_pause_was_confirmed(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    one, other = [await start_instance() for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register()
    await asyncio.gather(*(one.create() for _ in range(60)))

    async def work() -> None:
        while await runner.claim(1, wait_ms=100):
            pass

    workers = [asyncio.create_task(work()) for _ in range(4)]
    assert await eventually(lambda: has_started(connection))
    await pause(other)
    before = await started(connection)
    await asyncio.gather(*workers)
    assert await started(connection) == before < 60


async def has_started(connection: Connection) -> bool:
    return await started(connection) > 0


async def started(connection: Connection) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM jobs WHERE attempt > 0"))


@pytest.mark.parametrize("limits", [{"concurrency_limit": 3}, {"concurrency_limit_per_scope": 2}])
@pytest.mark.parametrize("is_of_queue", [True, False])
async def test_two_instances_never_run_more_than_a_limit_and_run_all(
    start_instance: StartInstance, bus: Bus, connection: Connection, limits: dict[str, Any], is_of_queue: bool
) -> None:
    api, _ = [await start_instance(claim_backstop_seconds=60) for _ in range(2)]
    runners = [RunnerForTests(bus, f"runner-{number}") for number in range(4)]
    await runners[0].register(spec() if is_of_queue else spec(**limits))
    if is_of_queue:
        await limit(api, **limits)
    creators = [api.as_("ada", scope=scope) for scope in ("acme", "other")]
    await asyncio.gather(*(creators[n % 2].create() for n in range(24)))

    done: list[str] = []

    async def work(runner: RunnerForTests) -> None:
        while len(done) < 24:
            claimed = await runner.claim(3, wait_ms=200)
            await asyncio.gather(*(runner.report(each, "complete", result=1) for each in claimed))
            done.extend(each.job.id for each in claimed)

    await asyncio.wait_for(asyncio.gather(*map(work, runners)), 30)
    assert len(done) == len(set(done)) == 24
    [most] = limits.values()
    by_scope = "concurrency_limit_per_scope" in limits
    assert await connection.fetchval(MOST_AT_ONCE, by_scope) <= most


@pytest.mark.parametrize("ending", ["complete", "fail", "release", "acknowledge_cancel", "lose"])
async def test_room_that_an_attempt_leaves_is_given_to_who_waits_at_once(
    start_instance: StartInstance, bus: Bus, connection: Connection, ending: str
) -> None:
    api, _ = [await start_instance(claim_backstop_seconds=60) for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register(spec(concurrency_limit=1, lease_seconds=1, max_attempts=1))
    first, second = await api.create(), await api.create()
    running = await runner.claim_one()
    claim = asyncio.create_task(runner.claim(1, wait_ms=20_000))
    await asyncio.sleep(0.1)
    assert not claim.done()
    await end(api, runner, running, ending)
    [given] = await asyncio.wait_for(claim, 10)
    assert given.job.id in ({first.id, second.id} if ending == "release" else {second.id})


async def end(api: Api, runner: RunnerForTests, running: Assignment, ending: str) -> None:
    match ending:
        case "complete":
            await runner.report(running, ending, result=1)
        case "fail":
            await runner.report(running, ending, error={"code": "error", "message": "no"})
        case "release":
            await runner.report(running, ending)
        case "acknowledge_cancel":
            await api.cancel(running.job.id)
            await runner.report(running, ending)
        case _:
            pass


async def test_a_tracked_job_counts_but_is_never_refused(api: Api, runner: RunnerForTests) -> None:
    await limit(api, concurrency_limit=1)
    for _ in range(2):
        assert (await runner.create(mode="tracked", runner=runner.name)).assignment is not None
    await api.create()
    assert await runner.claim(1) == ()


async def test_who_waits_is_served_when_a_limit_is_raised(start_instance: StartInstance, bus: Bus) -> None:
    api, other = [await start_instance(claim_backstop_seconds=60) for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register()
    await limit(api, concurrency_limit=1)
    await api.create()
    await api.create()
    await runner.claim_one()
    claim = asyncio.create_task(runner.claim(1, wait_ms=20_000))
    await asyncio.sleep(0.1)
    await limit(other, concurrency_limit=2)
    assert len(await asyncio.wait_for(claim, 10)) == 1


MANY = """
INSERT INTO jobs (
    id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts, is_ready, created_by, created_at,
    updated_at, run_at, lease_seconds, cancel_grace_seconds, backoff_initial_seconds, backoff_factor,
    backoff_max_seconds, backoff_jitter, depth, seq, progress, input_bytes, input
)
SELECT gen_random_uuid(), 'big', 'demo.add', 'queued', 'default', 5, 'queued', 1, 0, 1, true, 'ada', now(), now(),
    now(), 30, 30, 1, 2, 10, 0, 0, 0, '{}', 2, '{}'
FROM generate_series(1, 10000)
"""


@pytest.mark.parametrize("slots", [1, 50])
async def test_ten_thousand_jobs_of_one_scope_do_not_delay_the_first_of_another(
    api: Api, runner: RunnerForTests, connection: Connection, slots: int
) -> None:
    await connection.execute(MANY)
    small = [await api.as_("ada", scope=scope).create() for scope in ("acme", "zebra")]
    scopes = [each.job.scope for _ in range(4) for each in await runner.claim(slots)]
    assert {"acme", "zebra"} <= set(scopes[:4])
    assert len(scopes) == 4 * slots
    assert len(small) == 2


async def test_a_scope_at_its_limit_does_not_hold_up_the_others(api: Api, runner: RunnerForTests) -> None:
    await limit(api, concurrency_limit_per_scope=1)
    for scope in ("acme", "acme", "acme", "other"):
        await api.as_("ada", scope=scope).create()
    claimed = [each.job.scope for _ in range(3) for each in await runner.claim(1)]
    assert sorted(claimed) == ["acme", "other"]


async def test_the_most_urgent_goes_first_whatever_its_scope(api: Api, runner: RunnerForTests) -> None:
    for number, (scope, priority) in enumerate([("acme", 5), ("other", 9), ("acme", 9), ("other", 5)]):
        await api.as_("ada", scope=scope).create(input=number, priority=priority)
    assert sorted(str(value) for value in inputs(await runner.claim(2))) == ["1", "2"]
    assert len(await runner.claim(5)) == 2
    for number, (scope, priority) in enumerate([("other", 5), ("acme", 9), ("acme", 9)]):
        await api.as_("ada", scope=scope).create(input=number, priority=priority)
    assert sorted(str(value) for value in inputs(await runner.claim(2))) == ["1", "2"]


async def test_only_who_may_act_in_all_scopes_sets_queues(api: Api, subtests: pytest.Subtests) -> None:
    calls = [("PUT", "", {"concurrency_limit": 1}), ("POST", "/pause", {}), ("POST", "/resume", None)]
    for method, path, body in calls:
        with subtests.test(path):
            assert (await api.call(method, f"/v1/queues/default{path}", json=body)).status == 403


WRONG: list[Any] = [{"concurrency_limit": 0}, {"concurrency_limit": "many"}, {"limit": 3}]


async def test_only_known_queues_are_paused_and_none_of_the_service_itself(api: Api, bus: Bus) -> None:
    boss = operator(api)
    for verb in ("pause", "resume"):
        assert (await boss.post(f"/v1/queues/misspelt/{verb}")).status == 404
        answer = await boss.post(f"/v1/queues/wayside-internal/{verb}")
        assert (answer.status, answer.body["code"]) == (409, "reserved")
    assert (await boss.call("PUT", "/v1/queues/wayside-internal", json={})).status == 409
    await limit(api, "fresh", concurrency_limit=1)
    request = RegisterRequest(runner="r", queues=("served",), job_types=(spec(queue="named"),))
    await bus.request(REGISTER_SUBJECT, request, RegisterReply)
    await api.create(queue="used", run_at="2100-01-01T00:00:00Z")
    for queue in ("fresh", "served", "named", "used"):
        assert (await pause(api, queue))["is_paused"]


async def test_limits_that_make_no_sense_are_refused(api: Api, subtests: pytest.Subtests) -> None:
    for body in WRONG:
        with subtests.test(str(body)):
            answer = await operator(api).call("PUT", "/v1/queues/default", json=body)
            assert answer.status == 422
    assert (await operator(api).post("/v1/queues/Not a queue/pause")).status == 422
    assert (await operator(api).post("/v1/queues/default/pause", {"reason": "\0"})).status == 422


async def test_a_limited_queue_is_still_served_when_work_arrives(api: Api, runner: RunnerForTests) -> None:
    await limit(api, concurrency_limit=2)
    claim = asyncio.create_task(runner.claim(5, wait_ms=20_000))
    await parked(api)
    await api.create(type=TYPE)
    assert len(await claim) == 1


async def claims_at_once(api: Api, bus: Bus, slots: list[int], **fields: Any) -> list[tuple[Assignment, ...]]:
    """Let claims wait while the queue is paused, so that one look serves them all; `slots` of each."""
    await pause(api)
    runners = [RunnerForTests(bus, f"runner-{number}") for number in range(len(slots))]
    claims = [
        asyncio.create_task(runner.claim(number, wait_ms=20_000, **fields))
        for runner, number in zip(runners, slots, strict=True)
    ]
    await parked(api, len(slots))
    await operator(api).post("/v1/queues/default/resume")
    return await asyncio.wait_for(asyncio.gather(*claims), 10)


async def test_what_a_limit_refuses_does_not_hide_what_is_less_urgent(
    start_instance: StartInstance, bus: Bus
) -> None:
    api = await start_instance(claim_backstop_seconds=60)
    limited, free = spec("demo.limited", concurrency_limit_per_scope=1), spec("demo.free")
    await RunnerForTests(bus).register(limited, free)
    for scope in ("acme", "other"):
        for _ in range(3):
            await api.as_("ada", scope=scope).create(type="demo.limited", priority=9)
    for _ in range(3):
        await api.create(type="demo.free", priority=0)
    answers = await claims_at_once(api, bus, [1] * 4, job_types=["demo.free", "demo.limited"])
    types = sorted(each.job.type for answer in answers for each in answer)
    assert types == ["demo.free", "demo.free", "demo.limited", "demo.limited"]


async def test_the_turn_goes_on_after_the_last_scope_that_was_given_a_job(
    start_instance: StartInstance, bus: Bus
) -> None:
    api = await start_instance(claim_backstop_seconds=60)
    runner = RunnerForTests(bus)
    await runner.register()
    for scope in ("a", "b", "c", "d"):
        for _ in range(2):
            await api.as_("ada", scope=scope).create()
    await claims_at_once(api, bus, [2, 1])
    assert [each.job.scope for each in await runner.claim(1)] == ["d"]


@pytest.mark.parametrize("is_of_queue", [True, False], ids=["queue", "type"])
async def test_a_parent_leaves_its_place_to_its_children(
    api: Api, runner: RunnerForTests, *, is_of_queue: bool
) -> None:
    await runner.register(spec() if is_of_queue else spec(concurrency_limit=1))
    if is_of_queue:
        await limit(api, concurrency_limit_per_scope=1)
    parent = await api.create()
    await runner.claim(1)
    child, brother = [await api.create(parent_id=parent.id) for _ in range(2)]
    [first] = await runner.claim(2)
    assert first.job.id == child.id
    await runner.report(first, "complete")
    [second] = await runner.claim(2, wait_ms=5_000)
    assert second.job.id == brother.id
