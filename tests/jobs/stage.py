"""A service with jobs in every state, for tests that try everything on all of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from tests.conftest import PostgresForTests
from tests.eventually import eventually
from tests.jobs.api import Answer, Api, RunnerForTests, settings_for, spec

from wayside_events.bus import Bus, BusSettings
from wayside_events.contracts.jobs import Assignment, Job, Outcome
from wayside_jobs.app import build
from wayside_standalone.nats import NatsServer, NatsSettings

UNKNOWN = "0198f000-0000-7000-8000-00000000ffff"
LINE = {"time": "2026-01-01T00:00:00Z", "message": "hello"}
ERROR = {"code": "broken", "message": "no"}


@dataclass
class Stage:
    """One instance, a runner at it, and jobs in every state. Each job has a queue of its own."""

    api: Api
    root: Api
    runner: RunnerForTests
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def queued(self) -> tuple[Job, Assignment | None]:
        return await self.api.create(queue=f"q{next(self.numbers)}", max_attempts=1), None

    async def scheduled(self) -> tuple[Job, Assignment | None]:
        return await self.api.create(run_at="2999-01-01T00:00:00Z", max_attempts=1), None

    async def running(self) -> tuple[Job, Assignment]:
        job, _ = await self.queued()
        return job, await self.runner.claim_one(queues=[job.queue])

    async def tracked(self) -> tuple[Job, Assignment]:
        reply = await self.runner.create(mode="tracked", runner=self.runner.name)
        return reply.job, reply.assignment

    async def canceling(self) -> tuple[Job, Assignment]:
        job, assignment = await self.running()
        assert (await self.api.cancel(job.id)).status == 200
        return job, assignment

    async def released(self) -> tuple[Job, Assignment]:
        return await self.ended("release")

    async def completed(self) -> tuple[Job, Assignment]:
        return await self.ended("complete")

    async def failed(self) -> tuple[Job, Assignment]:
        return await self.ended("fail", error=ERROR)

    async def canceled(self) -> tuple[Job, Assignment]:
        job, assignment = await self.canceling()
        assert (await self.runner.report(assignment, "acknowledge_cancel")).outcome is Outcome.ACCEPTED
        return job, assignment

    async def ended(self, kind: str, **fields: Any) -> tuple[Job, Assignment]:
        job, assignment = await self.running()
        assert (await self.runner.report(assignment, kind, **fields)).outcome is Outcome.ACCEPTED
        return job, assignment

    async def report(self, assignment: Assignment, kind: str, **fields: Any) -> Answer:
        """One report over HTTP."""
        body = {"runner": self.runner.name, "reports": [self.runner.said(assignment, kind, **fields)]}
        return await self.api.post(f"/v1/jobs/{assignment.job.id}/reports", body)

    async def in_state(self, state: str) -> tuple[Job, Assignment | None]:
        """A job as it now is, and the attempt that was last given out."""
        make: Callable[[], Awaitable[tuple[Job, Assignment | None]]] = getattr(self, state)
        job, assignment = await make()
        return await self.api.job(job.id), assignment


@asynccontextmanager
async def staged(postgres: PostgresForTests, template: str, folder: Path) -> AsyncIterator[Stage]:
    """One instance on a database and a NATS of its own."""
    with postgres.database(template=template) as dsn, NatsServer(NatsSettings(folder)) as nats:
        async with (
            Bus.connected(BusSettings(url=nats.url)) as bus,
            TestClient(TestServer(build(settings_for(dsn, nats.url)))) as client,
        ):
            await bus.ensure_stream()

            async def ready() -> bool:
                async with client.get("/readyz") as response:
                    return response.status == 200

            assert await eventually(ready)
            runner = RunnerForTests(bus)
            await runner.register(spec(cancel_grace_seconds=3600))
            yield Stage(Api(client), Api(client, "root", ("admin",), "*"), runner)
