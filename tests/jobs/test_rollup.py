"""Rollups: parents are told of their children, soon, once, and even when somebody forgot."""

import asyncio

from tests.eventually import eventually
from tests.jobs.api import Api, RunnerForTests
from tests.jobs.conftest import Connection, EventLog, StartInstance

from wayside_events.bus import Bus
from wayside_events.contracts.jobs import Assignment, Job
from wayside_events.jobs import JobProgressed


async def family(api: Api, runner: RunnerForTests, size: int = 2) -> tuple[Assignment, list[Assignment]]:
    """A running parent with running children."""
    await api.create(priority=9)
    parent = await runner.claim_one()
    for _ in range(size):
        await api.create(parent_id=parent.job.id)
    return parent, [await runner.claim_one() for _ in range(size)]


async def told(api: Api, job_id: str, **expected: float) -> bool:
    """Wait until the stored progress of a parent says so of its children."""

    async def is_told() -> bool:
        children = (await api.job(job_id)).progress.children
        return children is not None and all(getattr(children, name) == n for name, n in expected.items())

    return await eventually(is_told)


async def test_a_running_parent_is_told_of_its_children(
    api: Api, runner: RunnerForTests, log: EventLog
) -> None:
    parent, [first, second] = await family(api, runner)
    await runner.report(first, "progress", progress={"percent": 50})
    assert await told(api, parent.job.id, running=2, percent=25)
    await runner.report(first, "complete")
    await runner.report(second, "progress", progress={"percent": 20})
    assert await told(api, parent.job.id, completed=1, running=1, percent=60)
    shown = await api.job(parent.job.id)
    assert (shown.progress.percent, shown.progress.percent_source) == (60, "children")
    assert await log.ends_with(parent.job.id, "progress")
    last = log.of(parent.job.id)[-1]
    assert isinstance(last, JobProgressed)
    assert (last.revision, last.data.progress) == (shown.revision, shown.progress)


async def test_changes_at_the_same_moment_are_told_together(
    api: Api, runner: RunnerForTests, log: EventLog
) -> None:
    parent, children = await family(api, runner, size=6)
    assert await told(api, parent.job.id, running=6)
    before = (await api.job(parent.job.id)).revision
    await runner.send(*(runner.said(child, "complete") for child in children))
    assert await told(api, parent.job.id, completed=6)
    shown = await api.job(parent.job.id)
    assert (shown.revision, shown.progress.percent) == (before + 1, 99)


async def test_a_parent_that_says_its_own_percentage_keeps_it(api: Api, runner: RunnerForTests) -> None:
    parent, [first, _] = await family(api, runner)
    await runner.report(parent, "progress", progress={"percent": 7})
    await runner.report(first, "complete")
    assert await told(api, parent.job.id, completed=1)
    assert (await api.job(parent.job.id)).progress.percent == 7


async def test_a_parent_is_told_of_the_children_that_were_made_while_it_waited(
    start_instance: StartInstance, bus: Bus
) -> None:
    api = await start_instance(rollup_backstop_seconds=3600)
    runner = RunnerForTests(bus)
    await runner.register()
    parent = await api.create(priority=9)
    await api.create(parent_id=parent.id)
    await asyncio.sleep(0.5)
    await runner.claim_one()
    assert await told(api, parent.id, queued=1)


async def test_a_grandparent_is_told_too(api: Api, runner: RunnerForTests) -> None:
    root, [child] = await family(api, runner, size=1)
    await api.create(parent_id=child.job.id)
    grandchild = await runner.claim_one()
    await runner.report(grandchild, "progress", progress={"percent": 80})
    assert await told(api, root.job.id, percent=80)


async def test_a_rollup_is_no_sign_of_life_and_waits_for_no_report(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    parent, [child, _] = await family(api, runner)
    before = await lease(connection, parent)
    async with connection.transaction():
        await connection.execute("SELECT FROM jobs WHERE id = $1 FOR UPDATE", parent.job.id)
        await runner.report(child, "complete")
        await asyncio.wait_for(runner.report(child, "heartbeat"), 5)
    assert await told(api, parent.job.id, completed=1)
    assert await lease(connection, parent) == before


async def lease(connection: Connection, assignment: Assignment) -> object:
    return await connection.fetchval("SELECT lease_expires_at FROM jobs WHERE id = $1", assignment.job.id)


async def test_an_ended_parent_is_left_alone(api: Api, runner: RunnerForTests) -> None:
    parent, [first, second] = await family(api, runner)
    await runner.report(parent, "complete")
    ended: Job = await api.job(parent.job.id)
    await runner.report(first, "complete")
    other, _ = await family(api, runner)
    assert await told(api, other.job.id, running=2)
    assert (await api.job(parent.job.id)).revision == ended.revision
    assert second.job.parent_id == parent.job.id


async def test_what_an_instance_forgot_the_backstop_finds_and_counts(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    api = await start_instance(rollup_backstop_seconds=0.1)
    runner = RunnerForTests(bus)
    await runner.register()
    parent, [first, _] = await family(api, runner)
    assert await told(api, parent.job.id, running=2, percent=0)
    await connection.execute(
        """UPDATE jobs SET progress = '{"percent":40}', revision = revision + 1 WHERE id = $1""", first.job.id
    )
    assert await told(api, parent.job.id, percent=20)
    async with api.client.get("/metrics") as response:
        assert "wayside_jobs_rollup_backstop_hits_total 1.0" in await response.text()


async def test_two_instances_tell_the_same_parent_without_losing_a_child(
    start_instance: StartInstance, bus: Bus, log: EventLog
) -> None:
    one, _ = [await start_instance(rollup_backstop_seconds=60) for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register()
    parent, children = await family(one, runner, size=10)
    for child in children:
        await runner.report(child, "complete")
    assert await told(one, parent.job.id, completed=10)
    percents = [
        event.data.progress.percent for event in log.of(parent.job.id) if isinstance(event, JobProgressed)
    ]
    assert percents == sorted(percents, key=lambda percent: percent or 0.0)
