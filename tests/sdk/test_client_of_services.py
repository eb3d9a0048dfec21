"""What the client has beside single jobs, on the real services: coming back, queues, workers, job types, history."""

from collections.abc import AsyncIterator

import pytest
from tests.e2e.cluster import Cluster
from tests.eventually import eventually
from tests.sdk.conftest import serving
from tests.sdk.test_services import created_once_known, nats_of

from wayside import Client, Context, Forbidden, NotFound, Worker
from wayside_events.contracts.jobs import JobTypeSpec, QueueFigures

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def someone(services: Cluster, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """A user whose jobs are of this test only."""
    token = services.token(subject=str(request.node.name)[:100])
    async with Client(services.gateway[0].url, token=token) as client:
        yield client


@pytest.fixture
async def everywhere(services: Cluster) -> AsyncIterator[Client]:
    """An admin of all scopes."""
    async with Client(services.gateway[0].url, token=services.token(scope="*")) as client:
        yield client


@pytest.fixture
async def worker(services: Cluster) -> AsyncIterator[Worker]:
    worker = Worker(nats=nats_of(services), name="returner", queues=["returning"])

    @worker.job("greet", label="Greeting")
    async def greet(ctx: Context) -> str:
        ctx.log.info("hello")
        ctx.log.warning("about to end")
        return "done"

    async with serving(worker):
        yield worker


async def test_who_comes_back_finds_their_jobs_what_they_logged_and_what_has_ended(
    someone: Client, worker: Worker
) -> None:
    first = await created_once_known(someone, "greet")
    await someone.jobs.wait(first.id, timeout_seconds=20)
    before = (await someone.jobs.page(scope="acme", limit=1)).cursor
    parent = await someone.jobs.create("greet", scope="acme", session_id="back", queue="nobody")
    child = await someone.jobs.create("greet", scope="acme", session_id="back", parent_id=parent.id)
    await someone.jobs.wait(child.id, timeout_seconds=20)

    assert [job.id async for job in someone.jobs.by_session("back", scope="acme", limit=1)] == [
        child.id,
        parent.id,
    ]
    session = await someone.jobs.session_page("back", scope="acme", status="queued")
    assert session.job is not None
    assert ([job.id for job in session.items], session.job.id) == ([parent.id], parent.id)
    assert [job.id async for job in someone.jobs.children(parent.id)] == [child.id]
    assert [job.id async for job in someone.jobs.list(scope="acme", q=child.id)] == [child.id]
    active = await someone.jobs.running_page(scope="acme")
    assert ([job.id for job in active.items], active.queued, active.running) == ([parent.id], 1, 0)

    logged = await someone.jobs.log_page(child.id, limit=1)
    rest = await someone.jobs.log_page(child.id, page=logged.next_page)
    assert [entry.message for entry in (*logged.items, *rest.items)] == ["hello", "about to end"]
    assert [entry.message async for entry in someone.jobs.logs(child.id, level="warning")] == ["about to end"]

    recent = await someone.jobs.recent_page(scope="acme")
    assert (recent.items[0].id, recent.unseen, recent.seen_at) == (child.id, 2, None)
    seen = await someone.jobs.seen(scope="acme", upto=recent.items[0].finished_at)
    again = await someone.jobs.recent_page(scope="acme")
    assert (seen.unseen, again.unseen, again.items) == (0, 0, ())
    assert child.id in [
        job.id async for job in someone.jobs.recent_completions(scope="acme", since=recent.since)
    ]

    async def has_history() -> bool:
        history = await someone.events.history("acme", after=before, types=["analysis.job.completed"])
        return child.id in [event.subject for event in history.events]

    assert await eventually(has_history)
    await someone.jobs.cancel(parent.id)


async def test_an_operator_sees_workers_and_types_and_sets_what_holds_for_queues(
    everywhere: Client, someone: Client, worker: Worker
) -> None:
    await created_once_known(someone, "greet")

    async def is_listed() -> bool:
        return bool((await everywhere.workers.page(job_type="greet", status="active")).items)

    assert await eventually(is_listed)
    [listed] = [one async for one in everywhere.workers.list(job_type="greet", status="active")]
    assert (listed.name.partition("-")[0], listed.queues) == ("returner", ("returning",))

    spec = await someone.job_types.get("greet")
    assert spec.label == "Greeting"
    assert "greet" in [one.name async for one in someone.job_types.list(limit=1)]
    assert (await everywhere.job_types.put(JobTypeSpec(name="by_hand", label="A"))).label == "A"

    async def is_counted() -> bool:
        return "returning" in [queue.name async for queue in everywhere.queues.list()]

    assert await eventually(is_counted)
    assert isinstance(await everywhere.queues.get("returning", scope="acme"), QueueFigures)
    paused = await everywhere.queues.pause("returning", reason="a look")
    limited = await everywhere.queues.limit("returning", concurrency_limit=3)
    resumed = await everywhere.queues.resume("returning")
    assert (paused.is_paused, paused.pause_reason, resumed.is_paused) == (True, "a look", False)
    assert (limited.concurrency_limit, limited.concurrency_limit_per_scope) == (3, None)
    with pytest.raises(NotFound):
        await everywhere.queues.get("never-heard-of")
    with pytest.raises(Forbidden):
        await someone.queues.pause("returning")
