"""The stack with the true services: a job and a proposal go the whole way with every NATS user's own rights."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from tests.eventually import eventually

from wayside_events.bus import Bus, BusSettings
from wayside_events.contracts.governance import PROPOSE_SUBJECT, Proposal, ProposeReply, ProposeRequest
from wayside_events.contracts.jobs import (
    CLAIM_SUBJECT,
    REGISTER_SUBJECT,
    REPORT_SUBJECT,
    Assignment,
    ClaimReply,
    ClaimRequest,
    CompleteReport,
    JobTypeSpec,
    RegisterReply,
    RegisterRequest,
    ReportReply,
    ReportRequest,
)
from wayside_events.envelope import Event
from wayside_events.identifiers import parse_scope
from wayside_standalone.parts import StackSettings
from wayside_standalone.stack import Stack
from wayside_standalone.supervisor import Status, Supervisor

RUNNER = "test-runner"
TYPE = "test.echo"


@asynccontextmanager
async def bus_of(stack: Stack, name: str) -> AsyncIterator[Bus]:
    user, password = stack.nats_user(name)
    async with Bus.connected(BusSettings(url=stack.nats_url, user=user, password=password)) as bus:
        yield bus


async def create_job(stack: Stack) -> dict[str, Any]:
    token = stack.token(scope_roles={"demo": ["operator"]}, subject="me")
    headers = {"Authorization": f"Bearer {token}"}
    body = {"type": TYPE, "scope": "demo", "input": {"a": 1}}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{stack.gateway_url}/v1/jobs", json=body) as answer,
    ):
        document: dict[str, Any] = await answer.json()
        assert answer.status == 201, document
        return document


async def claim(bus: Bus) -> Assignment:
    request = ClaimRequest(runner=RUNNER, queues=("default",), job_types=(TYPE,), slots=1, wait_ms=10_000)
    reply = await bus.request(CLAIM_SUBJECT, request, ClaimReply, timeout_seconds=15)
    (assignment,) = reply.assignments
    return assignment


async def complete(bus: Bus, assignment: Assignment) -> str:
    report = CompleteReport(
        job_id=assignment.job.id, attempt=assignment.attempt, token=assignment.token, seq=1, result={"b": 2}
    )
    request = ReportRequest(runner=RUNNER, reports=(report.model_dump(mode="json"),))
    reply = await bus.request(REPORT_SUBJECT, request, ReportReply)
    return str(reply.outcomes[0].outcome)


async def propose(bus: Bus, run: str) -> str:
    proposal = Proposal(
        from_node_id="a",
        to_node_id="b",
        relationship_type="relates_to",
        confidence=0.9,
        source_model="test",
        analysis_run_id=run,
    )
    request = ProposeRequest(
        scope=parse_scope("demo"), proposed_by=RUNNER, proposals=(proposal.model_dump(mode="json"),)
    )
    reply = await bus.request(PROPOSE_SUBJECT, request, ProposeReply)
    return str(reply.outcomes[0].outcome)


async def test_a_job_and_a_proposal_go_the_whole_way_and_no_right_is_missing(tmp_path: Path) -> None:
    async with (
        Stack(StackSettings(data_dir=tmp_path / "a stack", durable=False)) as stack,
        bus_of(stack, "runner") as runner,
        bus_of(stack, "client") as client,
    ):
        start = await client.position()
        specification = JobTypeSpec(name=TYPE)
        request = RegisterRequest(runner=RUNNER, job_types=(specification,))
        await runner.request(REGISTER_SUBJECT, request, RegisterReply)
        job = await create_job(stack)
        assignment = await claim(runner)
        assert assignment.job.id == job["id"]
        assert await complete(runner, assignment) == "accepted"
        assert await propose(runner, job["id"]) == "created"
        seen: list[str] = []
        async for event in client.events(after=start, scope="demo"):
            assert isinstance(event, Event)
            seen.append(event.type)
            if len(seen) == 4:
                break
        assert set(seen) == {
            "analysis.job.queued",
            "analysis.job.started",
            "analysis.job.completed",
            "edges.suggestion.created",
        }
        assert "Violation" not in (stack.log_dir / "nats.log").read_text()


async def test_the_services_come_back_after_a_crash_of_postgres_and_nats(tmp_path: Path) -> None:
    async with Stack(StackSettings(data_dir=tmp_path / "a stack", durable=False)) as stack:
        async with bus_of(stack, "runner") as runner:
            request = RegisterRequest(runner=RUNNER, job_types=(JobTypeSpec(name=TYPE),))
            await runner.request(REGISTER_SUBJECT, request, RegisterReply)
        for part in stack.parts[:2]:
            assert part.pid is not None
            psutil.Process(part.pid).kill()
        assert await eventually(lambda: all(part.restarts and is_ready(part) for part in stack.parts[:2]))
        assert await eventually(lambda: can_create(stack), within_seconds=30)
        assert [part.restarts for part in stack.parts] == [1, 1, 0, 0, 0]


def is_ready(part: Supervisor) -> bool:
    return part.status is Status.READY


async def can_create(stack: Stack) -> bool:
    try:
        await create_job(stack)
    except AssertionError:
        return False
    return True
