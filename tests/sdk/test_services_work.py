"""Families and handlers that heed nothing, on the real services."""

import threading

import pytest
from tests.e2e.cluster import Cluster
from tests.eventually import eventually
from tests.sdk.conftest import QUICK, serving
from tests.sdk.test_services import created_once_known, nats_of

from wayside import Client, Context, ThreadContext, Worker
from wayside_events.jobs import JobStatus

pytestmark = pytest.mark.timeout(60)


async def test_a_family_runs_on_one_slot_and_the_parent_has_its_children_s_results(
    services: Cluster, client: Client
) -> None:
    worker = Worker(slots=1, nats=nats_of(services), patience=QUICK)

    @worker.job("family_child")
    async def child(ctx: Context, number: int) -> int:
        return number * 2

    @worker.job("family_parent")
    async def parent(ctx: Context) -> list[int]:
        return await ctx.gather(await ctx.spawn_many("family_child", range(20), key="part"))

    async with serving(worker):
        job = await created_once_known(client, "family_parent")
        ended = await client.jobs.wait(job.id, timeout_seconds=30)
        children = [child async for child in client.jobs.list(scope="acme", parent_id=job.id)]
    assert (ended.status, ended.result) == (JobStatus.COMPLETED, [number * 2 for number in range(20)])
    assert (len(children), {child.root_id for child in children}) == (20, {job.id})


async def test_a_handler_that_heeds_no_cancel_is_forced_by_the_service_and_left_alone_by_its_worker(
    services: Cluster, client: Client
) -> None:
    worker = Worker(slots=1, nats=nats_of(services), patience=QUICK)
    started, released = threading.Event(), threading.Event()

    @worker.job("deaf", cancel_grace_seconds=0.5)
    def deaf(ctx: ThreadContext) -> str:
        started.set()
        released.wait(30)
        return "in spite of all"

    @worker.job("after_deaf")
    async def after(ctx: Context) -> str:
        return "done"

    async with serving(worker):
        job = await created_once_known(client, "deaf")
        assert await eventually(started.is_set)
        await client.jobs.cancel(job.id)
        next_job = await client.jobs.create("after_deaf", scope="acme")
        assert (await client.jobs.wait(next_job.id, timeout_seconds=20)).result == "done"
        ended = await client.jobs.wait(job.id, timeout_seconds=20)
        released.set()
    assert ended.cancel is not None
    assert (ended.status, ended.cancel.state) == (JobStatus.CANCELED, "forced")
