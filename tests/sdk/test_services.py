"""The SDK on the real services: processes of its own, killed, stopped, frozen and cut off."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.e2e.cluster import Cluster, Instance
from tests.eventually import eventually
from tests.sdk.cutting import CuttingProxy

from wayside import (
    Client,
    Conflict,
    Context,
    Forbidden,
    InvalidRequest,
    JobCanceled,
    NotFound,
    Proposal,
    Reset,
    Snapshot,
    Tracker,
    TrackerSettings,
    Worker,
    track,
)
from wayside_events.bus import BusSettings
from wayside_events.contracts.jobs import Job
from wayside_events.jobs import JobStatus

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def process(services: Cluster, client: Client) -> AsyncIterator[Instance]:
    """A worker process that has registered its job types."""
    process = services.worker("tests.sdk.served")
    process.start()
    assert await eventually(lambda: "serves" in process.log.read_text(), within_seconds=30)
    yield process
    # Not killed: its waiting claim would be given the next test's job.
    process.stop()


def nats_of(services: Cluster) -> BusSettings:
    return BusSettings(services.nats.url, "runner", services.credentials.nats_passwords["runner"])


async def running(client: Client, job: Job) -> bool:
    return (await client.jobs.get(job.id)).progress.percent is not None


async def test_a_stream_that_is_cut_shows_every_event_once_and_in_order(
    services: Cluster, client: Client, process: Instance
) -> None:
    async with (
        CuttingProxy(services.gateway[0].port) as proxy,
        Client(proxy.url, token=services.token()) as cut_client,
    ):
        job = await cut_client.jobs.create("steps", scope="acme", input=60)
        revisions, numbers = [], []
        async for item in cut_client.events.job(job.id):
            if isinstance(item, Snapshot):
                revisions.append(item.job.revision)
                continue
            assert not isinstance(item, Reset)
            revisions.append(item.revision)
            numbers += [entry.context["number"] for entry in getattr(item.data, "entries", ())]
            if len(revisions) % 7 == 0:
                proxy.cut()
    assert proxy.connections >= 3
    assert revisions == list(range(revisions[0], revisions[-1] + 1))
    assert numbers == list(range(60))[-len(numbers) :]
    assert revisions[-1] == (await client.jobs.get(job.id)).revision


async def test_a_worker_that_is_told_to_end_gives_its_job_to_another_without_burning_an_attempt(
    services: Cluster, client: Client, process: Instance
) -> None:
    job = await client.jobs.create("stuck_once", scope="acme", max_attempts=1)
    assert await eventually(lambda: running(client, job))
    assert process.stop() == 0
    waiting = await client.jobs.get(job.id)
    assert (waiting.status, waiting.error) == (JobStatus.QUEUED, None)
    other = services.worker("tests.sdk.served")
    other.start()
    done = await client.jobs.wait(job.id, timeout_seconds=30)
    assert (done.status, done.result) == (JobStatus.COMPLETED, 2)
    other.stop()


async def test_a_frozen_worker_that_wakes_up_is_fenced_and_changes_nothing(
    services: Cluster, client: Client, process: Instance
) -> None:
    job = await client.jobs.create("stuck_once", scope="acme", max_attempts=9)
    assert await eventually(lambda: running(client, job))
    process.signal(signal.SIGSTOP)
    other = services.worker("tests.sdk.served")
    other.start()
    done = await client.jobs.wait(job.id, timeout_seconds=40)
    process.signal(signal.SIGCONT)
    assert await eventually(lambda: "not ours any more" in process.log.read_text())
    assert done.result == done.attempt > 1
    assert await client.jobs.get(job.id) == done
    other.stop()


async def test_a_job_outlives_a_restart_of_nats_with_all_it_said(
    services: Cluster, client: Client, process: Instance
) -> None:
    job = await client.jobs.create("steps", scope="acme", input=60)
    assert await eventually(lambda: running(client, job))
    # In this thread: NATS dies with the thread that started it.
    services.nats.restart()
    done = await client.jobs.wait(job.id, timeout_seconds=40)
    assert (done.status, done.result) == (JobStatus.COMPLETED, {"attempt": 1, "count": 60})
    logged = [entry.context["number"] async for entry in client.jobs.logs(job.id)]
    assert logged == list(range(60))


async def test_a_busy_thread_and_a_blocked_event_loop_keep_their_leases(
    client: Client, process: Instance
) -> None:
    jobs = [await client.jobs.create(name, scope="acme", input=3.5) for name in ("threaded", "blocking")]
    for job in jobs:
        done = await client.jobs.wait(job.id, timeout_seconds=30)
        assert (done.status, done.attempt) == (JobStatus.COMPLETED, 1)
    assert "time.sleep(seconds)" in process.log.read_text()


async def test_a_cancel_ends_the_handler_and_is_acknowledged(client: Client, process: Instance) -> None:
    job = await client.jobs.create("stuck_once", scope="acme")
    assert await eventually(lambda: running(client, job))
    await client.jobs.cancel(job.id, reason="no need")
    done = await client.jobs.wait(job.id, timeout_seconds=10)
    assert done.cancel is not None
    assert (done.status, done.cancel.state, done.cancel.reason) == ("canceled", "acknowledged", "no need")
    with pytest.raises(Conflict):
        await client.jobs.cancel(job.id)


async def test_input_that_does_not_fit_the_schema_is_refused_at_creation(
    client: Client, process: Instance
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await client.jobs.create("steps", scope="acme", input={"count": 3})
    assert [error.field for error in refused.value.problem.errors] == ["/input"]


async def test_a_job_of_another_scope_is_not_found(
    services: Cluster, client: Client, process: Instance
) -> None:
    job = await client.jobs.create("steps", scope="acme", input=0)
    async with Client(services.gateway[0].url, token=services.token(scope="other")) as stranger:
        with pytest.raises(NotFound):
            await stranger.jobs.get(job.id)
        with pytest.raises(NotFound):
            await anext(stranger.events.job(job.id))


async def test_what_a_handler_proposes_can_be_decided_and_becomes_an_edge(
    services: Cluster, client: Client
) -> None:
    worker = Worker(nats=nats_of(services), name="guesser", queues=["guessing"])

    @worker.job("guess")
    async def guess(ctx: Context) -> list[str]:
        proposals = [
            Proposal(from_node_id="a", to_node_id=node, relationship_type="share", confidence=0.7)
            for node in ("b", "c")
        ]
        return [str(outcome.outcome) for outcome in await ctx.propose([*proposals, proposals[0]])]

    serving = asyncio.create_task(worker.serve())
    job = await created_once_known(client, "guess")
    done = await client.jobs.wait(job.id, timeout_seconds=20)
    assert done.result == ["created", "created", "repeated"]
    first, second = [found async for found in client.suggestions.list(scope="acme", status="pending")]
    assert (first.proposed_by, first.source_model, first.analysis_run_id) == ("guesser", "guess", job.id)
    with pytest.raises(Forbidden, match="own_proposal"):
        await client.suggestions.approve(first, note="who created the job has proposed")
    async with Client(services.gateway[0].url, token=services.token(subject="grace")) as reviewer:
        approved = await reviewer.suggestions.approve(first, note="of course")
        await reviewer.suggestions.reject(second, reason_code="not_related")
        around = await reviewer.graph.neighborhood("a", scope="acme")
        assert [edge.id for edge in around.edges] == [approved.suggestion.edge_id]
        with pytest.raises(Conflict):
            await reviewer.suggestions.approve(first)
    worker.stop()
    await serving


async def created_once_known(client: Client, job_type: str) -> Job:
    """Create a job as soon as a worker has registered the type."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(InvalidRequest):
                return await client.jobs.create(job_type, scope="acme")
            await asyncio.sleep(0.05)


@pytest.fixture
def tracker(services: Cluster) -> Iterator[Tracker]:
    tracker = Tracker(TrackerSettings(name="web", nats=nats_of(services), start_seconds=5))
    yield tracker
    tracker.close()


async def test_a_tracked_operation_has_a_job_of_a_type_that_nobody_described(
    client: Client, tracker: Tracker
) -> None:
    async with track("epm_generation", scope="acme", session_id="s1", tracker=tracker) as job:
        assert job.id is not None
        job.progress(40, phase="tasks")
        job.result = {"program": 7}
    done = await client.jobs.get(job.id)
    assert (done.status, done.mode, done.session_id) == (JobStatus.COMPLETED, "tracked", "s1")
    assert (done.result, done.created_by) == ({"program": 7}, "web")


async def test_a_tracked_operation_that_fails_or_is_canceled_says_so(
    client: Client, tracker: Tracker
) -> None:
    with pytest.raises(KeyError):
        async with track("import", scope="acme", tracker=tracker) as failing:
            raise KeyError("row")

    async def operation() -> None:
        async with track("import", scope="acme", tracker=tracker) as job:
            await client.jobs.cancel(str(job.id))
            await asyncio.sleep(30)

    with pytest.raises(JobCanceled) as raised:
        await operation()
    failed = await client.jobs.get(str(failing.id))
    assert failed.error is not None
    assert (failed.status, failed.error.type) == (JobStatus.FAILED, "KeyError")
    assert (await client.jobs.get(str(raised.value.job_id))).status is JobStatus.CANCELED
