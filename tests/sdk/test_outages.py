"""NATS or the jobs service is away for a while: nothing is lost."""

import asyncio

import pytest
from tests.eventually import eventually
from tests.sdk.conftest import QUICK, serving
from tests.sdk.standin import StandIn

from wayside import Context, Proposal, Worker
from wayside_standalone.nats import NatsServer

NOWHERE = "nats://127.0.0.1:9"


async def test_a_job_ends_while_nats_is_down_and_its_result_is_not_lost(
    service: StandIn, worker: Worker, nats_server: NatsServer
) -> None:
    proceed, returned = asyncio.Event(), asyncio.Event()

    @worker.job("report")
    async def report(ctx: Context) -> str:
        ctx.progress(10)
        await proceed.wait()
        ctx.log.info("said while NATS was down")
        ctx.progress(90, phase="late")
        returned.set()
        return "done"

    async with serving(worker):
        job = await service.enqueue("report")
        assert await eventually(lambda: job.progress == {"percent": 10})
        await asyncio.to_thread(nats_server.stop)
        proceed.set()
        await returned.wait()
        await asyncio.to_thread(nats_server.start)
        assert await eventually(lambda: job.status == "completed", within_seconds=15)
    assert job.ending.result == "done"
    assert job.progress == {"percent": 90, "phase": "late"}
    assert job.log_messages == ["said while NATS was down"]


async def test_a_worker_claims_and_registers_again_after_nats_was_restarted(
    service: StandIn, worker: Worker, nats_server: NatsServer
) -> None:
    @worker.job("report")
    async def report(ctx: Context) -> None:
        pass

    async with serving(worker):
        assert await eventually(lambda: bool(service.claims))
        await asyncio.to_thread(nats_server.restart)
        assert await eventually(lambda: len(service.registrations) == 2)
        job = await service.enqueue("report")
        assert await eventually(lambda: job.status == "completed", within_seconds=15)


async def test_a_worker_waits_for_the_jobs_service_to_start(worker: Worker, service: StandIn) -> None:
    @worker.job("report")
    async def report(ctx: Context) -> None:
        pass

    for server in service.bus._servers:
        await server.close()
    service.bus._servers.clear()
    async with serving(worker):
        await asyncio.sleep(0.1)
        await service.start()
        job = await service.enqueue("report")
        assert await eventually(lambda: job.status == "completed")


async def test_proposals_wait_for_governance_and_are_completed(service: StandIn, worker: Worker) -> None:
    service.governance_down = 1

    @worker.job("infer")
    async def infer(ctx: Context) -> int:
        proposals = [
            Proposal(from_node_id="a", to_node_id=str(n), relationship_type="share", confidence=0.5)
            for n in range(1_200)
        ]
        outcomes = await ctx.propose(proposals)
        return len(outcomes)

    async with serving(worker):
        job = await service.enqueue("infer")
        assert await eventually(lambda: job.status == "completed")
    assert job.ending.result == 1_200
    assert [len(request.proposals) for request in service.proposals] == [1_000, 200]
    first = service.proposals[0].proposals[0]
    assert isinstance(first, dict)
    assert (first["source_model"], first["analysis_run_id"]) == ("infer", job.id)
    assert service.proposals[0].proposed_by == "worker"


@pytest.mark.parametrize(("variables", "said"), [({}, 1), ({"WAYSIDE_NATS_URL": NOWHERE}, 0)])
async def test_a_worker_that_cannot_reach_nats_where_nobody_said_it_is_hints_at_the_environment(
    variables: dict[str, str], said: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("WAYSIDE_NATS_URL", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("wayside.settings.DEFAULT_NATS_URL", NOWHERE)
    monkeypatch.setattr("wayside.worker.worker.HINT_SECONDS", 0.1)
    worker = Worker(patience=QUICK)

    @worker.job("report")
    async def report(ctx: Context) -> None:
        pass

    def hints() -> int:
        return sum("wayside env" in record.getMessage() for record in caplog.records)

    async with serving(worker):
        await eventually(lambda: hints() == 1, within_seconds=5 if said else 0.3)
    assert hints() == said
