"""A cancel goes down the tree: to the last generation, past what is over already, and whoever dies on the way."""

import asyncio
from typing import Any

from tests.eventually import eventually
from tests.jobs.api import SCOPE, TYPE, Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, EventLog, StartInstance

from wayside_events.bus import Bus
from wayside_events.contracts.jobs import Assignment, Job, Outcome, RunnerPush, runner_subject
from wayside_events.jobs import JobStatus

ACTIVE_OR_CASCADING = "SELECT count(*) FROM jobs WHERE status IN ('queued', 'running') OR is_cascading"
COPY_CHILDREN = """
    INSERT INTO jobs (id, scope, type, mode, queue, priority, status, revision, attempt, max_attempts, is_ready,
        created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, backoff_initial_seconds,
        backoff_factor, backoff_max_seconds, backoff_jitter, parent_id, root_id, depth, seq, progress, input_bytes, input)
    SELECT gen_random_uuid(), scope, type, mode, queue, priority, status, revision, attempt, max_attempts, is_ready,
        created_by, created_at, updated_at, run_at, lease_seconds, cancel_grace_seconds, backoff_initial_seconds,
        backoff_factor, backoff_max_seconds, backoff_jitter, id, id, 1, seq, progress, input_bytes, input
    FROM jobs, generate_series(1, $2) WHERE id = $1
"""


async def all_over(connection: Connection, within_seconds: float = 10) -> bool:
    async def is_over() -> bool:
        return bool(await connection.fetchval(ACTIVE_OR_CASCADING) == 0)

    return await eventually(is_over, within_seconds=within_seconds)


async def line(api: Api, length: int, **fields: Any) -> list[Job]:
    """A root, its child, its grandchild and so on."""
    jobs = [await api.create(**fields)]
    for _ in range(length):
        jobs.append(await api.create(parent_id=jobs[-1].id, **fields))
    return jobs


async def test_a_deep_tree_ends_and_every_job_says_who_canceled_it(
    api: Api, runner: RunnerForTests, connection: Connection, log: EventLog
) -> None:
    jobs = await line(api, 12)
    await api.cancel(jobs[0].id, "enough")
    assert await all_over(connection)
    for job in jobs:
        assert await log.has(job.id, "queued", "canceled")
    last = await api.job(jobs[-1].id)
    assert last.cancel is not None
    assert (last.cancel.requested_by, last.cancel.reason) == ("ada", "enough")


async def test_running_children_are_asked_pushed_and_in_the_end_forced_and_fenced(
    api: Api, runner: RunnerForTests, bus: Bus, log: EventLog
) -> None:
    await runner.register(spec(cancel_grace_seconds=0.3))
    pushes: list[bytes] = []
    await bus.listen(runner_subject(runner.name), pushes.append)
    parent, polite, silent = await api.create(), None, None
    await runner.claim_one()
    children = [await api.create(parent_id=parent.id) for _ in range(2)]
    polite, silent = await runner.claim(2)
    await api.cancel(parent.id)
    assert await eventually(lambda: len(pushes) == 3)
    told = {RunnerPush.model_validate_json(push).job_id for push in pushes}
    assert told == {parent.id, *(child.id for child in children)}
    assert (await runner.report(polite, "heartbeat")).cancel_requested
    assert (await runner.report(polite, "acknowledge_cancel")).outcome is Outcome.ACCEPTED
    assert await log.has(silent.job.id, "queued", "started", "cancel_requested", "canceled")
    assert (await runner.report(silent, "complete")).outcome is Outcome.FENCED
    forced = (await api.job(silent.job.id)).cancel
    assert forced is not None
    assert forced.state == "forced"


async def test_a_cascade_goes_on_past_jobs_that_are_over(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    root, child, grandchild, last = await line(api, 3)
    by_id = {assignment.job.id: assignment for assignment in await runner.claim(4)}
    await runner.report(by_id[child.id], "complete")
    await runner.report(by_id[grandchild.id], "complete")
    await api.cancel(root.id, "stop")
    assert await eventually(lambda: told(api, last.id))
    cancel = (await api.job(last.id)).cancel
    assert cancel is not None
    assert (cancel.requested_by, cancel.reason) == ("ada", "stop")


async def told(api: Api, job_id: str) -> bool:
    return (await api.job(job_id)).cancel is not None


async def test_children_of_a_type_that_cannot_be_canceled_run_on(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    await runner.register(spec(), spec("demo.firm", capabilities={"cancel": False}))
    parent = await api.create()
    running = await api.create(parent_id=parent.id, type="demo.firm")
    await runner.claim_one(job_types=["demo.firm"])
    waiting = await api.create(parent_id=parent.id, type="demo.firm")
    await api.cancel(parent.id)

    async def is_done() -> bool:
        return not await connection.fetchval("SELECT is_cascading FROM jobs WHERE id = $1", parent.id)

    assert await eventually(is_done)
    assert (await api.job(waiting.id)).status is JobStatus.CANCELED
    assert ((await api.job(running.id)).status, await told(api, running.id)) == (JobStatus.RUNNING, False)


async def test_what_was_passed_over_is_taken_up_when_it_ends(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    """Also by the statement that completes jobs without a look at their parents or children."""
    firm, below = await passed_over(api, runner, connection)
    assert (await api.job(below.id)).status is JobStatus.QUEUED
    await runner.report(firm, "complete", result=1)
    assert await all_over(connection)
    cancel = (await api.job(below.id)).cancel
    assert cancel is not None
    assert (cancel.requested_by, cancel.reason) == ("ada", "stop")
    assert (await api.job(firm.job.id)).status is JobStatus.COMPLETED


async def test_what_was_passed_over_is_canceled_when_it_waits_again(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    firm, _ = await passed_over(api, runner, connection)
    await runner.report(firm, "release")
    assert await all_over(connection)
    job = await api.job(firm.job.id)
    assert job.cancel is not None
    assert (job.status, job.cancel.reason) == (JobStatus.CANCELED, "stop")


async def passed_over(api: Api, runner: RunnerForTests, connection: Connection) -> tuple[Assignment, Job]:
    """A running job that cannot be canceled, whose parent was, and its child."""
    await runner.register(spec(), spec("demo.firm", capabilities={"cancel": False}))
    parent = await api.create()
    firm = await api.create(parent_id=parent.id, type="demo.firm")
    below = await api.create(parent_id=firm.id)
    assignment = await runner.claim_one(job_types=["demo.firm"])
    await api.cancel(parent.id, "stop")

    async def is_done() -> bool:
        return not await connection.fetchval("SELECT is_cascading FROM jobs WHERE id = $1", parent.id)

    assert await eventually(is_done)
    return assignment, below


async def test_without_cascade_the_children_go_on_until_they_are_canceled_after_all(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    parent = await api.create()
    await runner.claim_one()
    child = await api.create(parent_id=parent.id)
    await api.post(f"/v1/jobs/{parent.id}/cancel", {"cascade": False})
    assert await connection.fetchval("SELECT bool_or(is_cascading) FROM jobs") is False
    await api.post(f"/v1/jobs/{parent.id}/cancel", {"cascade": True})

    async def is_canceled() -> bool:
        return (await api.job(child.id)).status is JobStatus.CANCELED

    assert await eventually(is_canceled)


async def test_a_cascade_that_was_begun_goes_on_at_another_instance(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    """As after the death of the instance that canceled: only the row knows that there is more to do."""
    api = await start_instance(sweep_interval_seconds=3600)
    await RunnerForTests(bus).register()
    jobs = await line(api, 3)
    await api.post(f"/v1/jobs/{jobs[0].id}/cancel", {"cascade": False})
    await connection.execute("UPDATE jobs SET is_cascading = true WHERE id = $1", jobs[0].id)
    await start_instance()
    assert await all_over(connection)


async def test_ten_thousand_children_end(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    one, _ = [await start_instance() for _ in range(2)]
    await RunnerForTests(bus).register()
    parent = await one.create()
    await connection.execute(COPY_CHILDREN, parent.id, 10_000)
    await connection.execute("UPDATE jobs SET child_count = 10000 WHERE id = $1", parent.id)
    assert (await one.cancel(parent.id)).status == 200
    assert await all_over(connection, within_seconds=30)
    assert await connection.fetchval("SELECT count(*) FROM jobs WHERE revision = 2") == 10_001


async def test_no_child_born_while_its_parent_is_canceled_stays_behind(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    one, other = [await start_instance() for _ in range(2)]
    await RunnerForTests(bus).register()
    for _ in range(5):
        parent = await one.create()
        await one.create(parent_id=parent.id)
        body = {"type": TYPE, "scope": SCOPE, "parent_id": parent.id}
        answers = await asyncio.gather(
            *(api.post("/v1/jobs", body) for _ in range(4) for api in (one, other)),
            other.cancel(parent.id),
            *(api.post("/v1/jobs", body) for _ in range(4) for api in (one, other)),
        )
        assert {answer.status for answer in answers} <= {200, 201, 409}
        assert await all_over(connection)


async def test_a_cascade_goes_on_below_a_child_that_was_asked_alone_before(
    api: Api, runner: RunnerForTests
) -> None:
    root, child, grandchild = await line(api, 2)
    await runner.claim(2)
    await api.post(f"/v1/jobs/{child.id}/cancel", {"cascade": False})
    await api.cancel(root.id)

    async def is_canceled() -> bool:
        return (await api.job(grandchild.id)).status is JobStatus.CANCELED

    assert await eventually(is_canceled)
