"""Jobs that have children: created once, waited for without a slot, and never in the way of each other."""

import asyncio
from typing import Any

import pytest
from tests.eventually import eventually
from tests.sdk.conftest import QUICK, serving
from tests.sdk.standin import JobRecord, StandIn

from wayside import ChildCanceled, ChildFailed, Context, NonRetryable, ThreadContext, Worker, children
from wayside.worker.slots import Slots
from wayside_events.bus import BusSettings


@pytest.fixture
def single(nats_url: str) -> Worker:
    """A worker with one slot, which serves `double`, `broken` and `forever`."""
    worker = Worker(slots=1, nats=BusSettings(url=nats_url), patience=QUICK)

    @worker.job("double")
    async def double(ctx: Context, number: int) -> int:
        return number * 2

    @worker.job("broken")
    async def broken(ctx: Context) -> None:
        raise NonRetryable("no rows", code="empty")

    @worker.job("forever")
    async def forever(ctx: Context) -> None:
        await asyncio.sleep(30)

    return worker


def children_of(service: StandIn, parent: JobRecord) -> list[JobRecord]:
    return [job for job in service.jobs.values() if job.create and job.create.job.parent_id == parent.id]


async def ended(service: StandIn, worker: Worker, parent: str, **fields: Any) -> JobRecord:
    async with serving(worker):
        job = await service.enqueue(parent, **fields)
        assert await eventually(lambda: job.status in ("completed", "failed"))
    return job


async def test_a_parent_with_the_only_slot_gets_the_results_of_its_children_in_order(
    service: StandIn, single: Worker
) -> None:
    @single.job("parent")
    async def parent(ctx: Context) -> list[int]:
        children = await ctx.spawn_many("double", range(1, 6))
        return await ctx.gather(children)

    job = await ended(service, single, "parent")
    assert job.ending.result == [2, 4, 6, 8, 10]
    assert all(claim.slots == 1 for claim in service.claims)


async def test_a_child_inherits_what_its_parent_is_about(service: StandIn, single: Worker) -> None:
    @single.job("parent")
    async def parent(ctx: Context) -> None:
        await ctx.spawn("double", 1, priority=9)

    job = await ended(service, single, "parent", session_id="s1")
    (child,) = children_of(service, job)
    assert child.create is not None
    wanted = child.create.job
    assert (wanted.parent_id, wanted.scope, wanted.session_id, wanted.priority) == (job.id, "acme", "s1", 9)
    assert child.create.created_by == "tests"


async def test_a_child_with_a_key_is_the_same_in_every_attempt(service: StandIn, single: Worker) -> None:
    created: list[bool] = []

    @single.job("parent")
    async def parent(ctx: Context) -> list[int]:
        child = await ctx.spawn("double", 4, key="only")
        created.append(child.created)
        if ctx.attempt == 1:
            raise RuntimeError("try again")
        return await ctx.gather([child])

    async with serving(single):
        job = await service.enqueue("parent")
        assert await eventually(lambda: job.status == "failed")
        job.status = "queued"
        await service.add(job)
        assert await eventually(lambda: job.status == "completed")
    assert (created, job.ending.result) == ([True, False], [8])
    assert len(children_of(service, job)) == 1


async def test_a_failure_is_known_at_once_among_more_children_than_one_request_may_name(
    service: StandIn, single: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "AWAIT_JOBS", 1)

    @single.job("parent")
    async def parent(ctx: Context) -> None:
        later = await ctx.spawn("later")
        broken = await ctx.spawn("broken")
        await ctx.gather([later, broken])

    job = await ended(service, single, "parent")
    assert (job.status, job.ending.error.type.rpartition(".")[2]) == ("failed", "ChildFailed")


async def test_children_of_children_need_no_more_slots(service: StandIn, single: Worker) -> None:
    @single.job("tree")
    async def tree(ctx: Context, depth: int) -> int:
        if depth == 0:
            return 1
        return sum(await ctx.gather(await ctx.spawn_many("tree", [depth - 1] * 2)))

    assert (await ended(service, single, "tree", payload=3)).ending.result == 8


async def test_a_child_that_fails_raises_its_error_in_the_parent(service: StandIn, single: Worker) -> None:
    seen: list[ChildFailed] = []

    @single.job("parent")
    async def parent(ctx: Context) -> str:
        try:
            await ctx.gather([await ctx.spawn("broken"), await ctx.spawn("double", 2)])
        except ChildFailed as failed:
            seen.append(failed)
        return "went on"

    assert (await ended(service, single, "parent")).ending.result == "went on"
    assert seen[0].error is not None
    assert (seen[0].error.code, seen[0].error.message) == ("empty", "no rows")


async def test_a_patient_parent_gets_errors_among_the_results(service: StandIn, single: Worker) -> None:
    @single.job("parent")
    async def parent(ctx: Context) -> list[str]:
        children = [await ctx.spawn("broken"), await ctx.spawn("double", 2), await ctx.spawn("forever")]
        service.jobs[children[2].id].status = "canceled"
        results = await ctx.gather(children, return_exceptions=True)
        return [type(result).__name__ for result in results]

    job = await ended(service, single, "parent")
    assert job.ending.result == [ChildFailed.__name__, "int", ChildCanceled.__name__]


async def test_a_cancel_of_the_parent_ends_its_waiting(service: StandIn, single: Worker) -> None:
    @single.job("parent")
    async def parent(ctx: Context) -> None:
        await ctx.gather([await ctx.spawn("forever")])

    async with serving(single):
        job = await service.enqueue("parent")
        assert await eventually(lambda: any(child.status == "running" for child in children_of(service, job)))
        await service.cancel(job)
        assert await eventually(lambda: job.status == "canceled")
        for child in children_of(service, job):
            await service.cancel(child)


async def test_a_plain_handler_spawns_and_gathers_by_the_event_loop(service: StandIn, single: Worker) -> None:
    @single.job("parent")
    def parent(ctx: ThreadContext) -> list[int]:
        children = ctx.run(ctx.spawn_many("double", [1, 2], key="part"))
        return ctx.run(ctx.gather(children))

    job = await ended(service, single, "parent")
    assert job.ending.result == [2, 4]
    keys = [child.create.idempotency_key for child in children_of(service, job) if child.create]
    assert keys == [f"{job.id}:part-0", f"{job.id}:part-1"]


async def test_never_do_more_run_than_there_are_slots_while_parents_come_and_go(
    service: StandIn, worker: Worker
) -> None:
    running, most = 0, 0

    def count(change: int) -> None:
        nonlocal running, most
        running += change
        most = max(most, running)

    @worker.job("leaf")
    async def leaf(ctx: Context) -> None:
        count(1)
        await asyncio.sleep(0.01)
        count(-1)

    @worker.job("parent")
    async def parent(ctx: Context) -> None:
        children = await ctx.spawn_many("leaf", [None] * 3)
        await ctx.gather(children)
        count(1)
        await asyncio.sleep(0.01)
        count(-1)

    async with serving(worker):
        jobs = [await service.enqueue("parent") for _ in range(6)]
        assert await eventually(lambda: all(job.status == "completed" for job in jobs))
    assert most <= 2
    assert not any("release" in job.kinds for job in service.jobs.values())


async def test_who_wants_a_slot_back_comes_before_new_claims() -> None:
    slots = Slots(1)
    seat = slots.take()
    seat.leave()
    assert slots.park("claim") == 1
    waiting = asyncio.create_task(seat.take_back())
    await asyncio.sleep(0)
    assert slots.is_wanted_back
    slots.unpark("claim")
    slots.settle()
    await waiting
    assert (slots.running, slots.free) == (1, 0)


async def test_who_is_cancelled_while_it_waits_for_a_slot_has_one_all_the_same() -> None:
    slots = Slots(1)
    seat, other = slots.take(), slots
    seat.leave()
    other.take()
    waiting = asyncio.create_task(seat.take_back())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert (slots.running, slots.has_surplus) == (2, True)
    seat.leave()
    assert (slots.running, slots.free) == (1, 0)


@pytest.mark.parametrize("key", [None, "only"])
@pytest.mark.parametrize("many", [False, True])
async def test_a_parent_is_not_retried_only_to_meet_the_same_failed_child(
    service: StandIn, single: Worker, key: str | None, *, many: bool
) -> None:
    @single.job("passing")
    async def passing(ctx: Context) -> None:
        raise OSError("not now")

    @single.job("parent")
    async def parent(ctx: Context) -> None:
        children = await ctx.spawn_many("passing", [None], key=key) if many else []
        await ctx.gather(children or [await ctx.spawn("passing", key=key)])

    job = await ended(service, single, "parent")
    assert job.ending.error.type.endswith("ChildFailed")
    assert job.ending.error.retryable is (key is None)


@pytest.mark.parametrize("many", [False, True])
async def test_a_child_whose_worker_registers_a_little_later_is_created_after_all(
    service: StandIn, single: Worker, many: bool, caplog: pytest.LogCaptureFixture
) -> None:
    @single.job("parent")
    async def parent(ctx: Context) -> None:
        await (ctx.spawn_many("late", [1]) if many else ctx.spawn("late"))

    service.unknown_types = {"late"}
    async with serving(single):
        job = await service.enqueue("parent")
        assert await eventually(lambda: "no worker has registered yet" in caplog.text)
        service.unknown_types = set()
        assert await eventually(lambda: job.status == "completed")
    assert [child.type for child in children_of(service, job)] == ["late"]


async def test_an_attempt_fails_when_nobody_serves_its_child_and_another_one_may_succeed(
    service: StandIn, single: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "UNKNOWN_PATIENCE_SECONDS", 0.1)

    @single.job("parent")
    async def parent(ctx: Context) -> None:
        await ctx.spawn("nobodys")

    service.unknown_types = {"nobodys"}
    error = (await ended(service, single, "parent")).ending.error
    assert (error.type, error.retryable) == ("wayside.errors.UnknownJobType", True)
    assert "is the worker that serves it running" in error.message
