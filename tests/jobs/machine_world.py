"""Two running instances of the service as the state machine drives and observes them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Self

import asyncpg
import orjson
from aiohttp.test_utils import TestClient, TestServer
from tests.eventually import eventually
from tests.jobs.api import Answer, Api, RunnerForTests, settings_for, spec
from tests.jobs.machine_model import ENDINGS, History, Row, check_accepted, check_equal, check_family

from wayside_events.bus import Bus, BusSettings
from wayside_events.catalogue import parse_event
from wayside_events.contracts.jobs import Assignment, ClaimReply, Outcome, ReportReply
from wayside_events.subjects import EventFilter
from wayside_jobs.app import SCHEMA, build
from wayside_jobs.routes.parameters import JOBS
from wayside_jobs.service.jobs import Jobs
from wayside_jobs.settings import JobsSettings

NATS = 2
"""The door that is neither instance's own: NATS gives the request to one of them."""

_ROWS = """
    SELECT id::text, type, mode, status, revision, attempt, max_attempts, is_ready, seq, token_hash, runner, log_seq,
        parent_id::text, root_id::text, retry_of::text, unique_key, child_count, cancel_state, cancel_requested_by,
        is_cascading, progress, result, error
    FROM jobs WHERE scope = $1
"""

_MOVE = {
    "lease": "UPDATE jobs SET lease_expires_at = now(), due_at = now() WHERE id = $1 AND status = 'running'",
    "timeout": "UPDATE jobs SET timeout_at = now(), due_at = now() WHERE id = $1 AND status = 'running'",
    "grace": "UPDATE jobs SET cancel_deadline = now(), due_at = now() "
    "WHERE id = $1 AND status = 'running' AND cancel_state = 'requested'",
    "schedule": "UPDATE jobs SET run_at = now() WHERE id = $1 AND status = 'queued' AND NOT is_ready",
}
TIMERS = tuple(_MOVE)

_EXPIRE = "UPDATE jobs SET expires_at = now() WHERE id = $1 AND finished_at IS NOT NULL"


@dataclass
class Service:
    """Two instances on one database and one NATS, whose sweepers run when they are told."""

    settings: JobsSettings
    stack: AsyncExitStack
    bus: Bus
    database: "asyncpg.Pool[asyncpg.Record]"
    apis: list[Api] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def start(self) -> Api:
        """Start one more instance."""
        client = await self.stack.enter_async_context(TestClient(TestServer(build(self.settings))))
        assert await eventually(lambda: _is_ready(client))
        return Api(client)

    async def restart(self, at: int) -> None:
        """End an instance, and start another in its place."""
        await self.apis[at].client.close()
        self.apis[at] = await self.start()
        self.tally["restart"] += 1

    def instance(self, at: int) -> Jobs:
        app = self.apis[at].client.app
        assert app is not None
        return app[JOBS]


@asynccontextmanager
async def service(dsn: str, nats_url: str) -> AsyncIterator[Service]:
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(Bus.connected(BusSettings(url=nats_url)))
        await bus.ensure_stream()
        settings = settings_for(dsn, nats_url, sweep_interval_seconds=3600)
        pool = asyncpg.create_pool(dsn, min_size=1, max_size=2, server_settings={"search_path": SCHEMA})
        database = await stack.enter_async_context(pool)
        running = Service(settings, stack, bus, database)
        running.apis += [await running.start() for _ in range(2)]
        yield running


async def _is_ready(client: Any) -> bool:
    async with client.get("/readyz") as response:
        return bool(response.status == 200)


@dataclass
class World:
    """One scope of the service: what was given out and asked for, and the histories of its jobs."""

    service: Service
    scope: str
    types: tuple[str, str]
    queue: str
    sequence: int
    histories: dict[str, History] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    assignments: dict[tuple[str, int], Assignment] = field(default_factory=dict)
    accepted: list[dict[str, Any]] = field(default_factory=list)
    cascaded: set[str] = field(default_factory=set)
    gone: dict[str, Row] = field(default_factory=dict)

    @classmethod
    async def new(cls, service: Service) -> Self:
        """A scope with two job types of its own: the second waits an hour before another attempt."""
        number = next(service.numbers)
        types = f"machine.at_once_{number}", f"machine.later_{number}"
        patient = spec(types[1], backoff={"initial_seconds": 3600, "jitter": 0}, lease_seconds=3600)
        await RunnerForTests(service.bus).register(spec(types[0], lease_seconds=3600), patient)
        return cls(
            service, f"scope{number}", types, f"queue{number}", (await service.bus.state()).last_sequence
        )

    def api(self, at: int) -> Api:
        return self.service.apis[at].as_("ada", "admin", scope=self.scope)

    def admin(self, at: int) -> Api:
        """Who may do what concerns all scopes."""
        return self.service.apis[at].as_("root", "admin", scope="*")

    # What is done

    async def create(self, at: int, *, key: str | None = None, **fields: Any) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        body = {"scope": self.scope, "queue": self.queue, **fields}
        return self._noted("create", await self.api(at).post("/v1/jobs", body, headers=headers))

    async def track(self, runner: str) -> None:
        wanted = {"type": self.types[0], "mode": "tracked", "runner": runner, "queue": self.queue}
        reply = await RunnerForTests(self.service.bus).create(scope=self.scope, **wanted)
        self._given(reply.assignment)

    async def claim(self, door: int, runner: str, slots: int, queue: str | None = None) -> int:
        """Claim, and return how many jobs were given."""
        wanted: dict[str, Any] = {"queues": [queue or self.queue], "job_types": list(self.types)}
        if door == NATS:
            taken = await RunnerForTests(self.service.bus, runner).claim(slots, **wanted)
        else:
            body = {"runner": runner, "slots": slots, **wanted}
            answer = await self.admin(door).post("/v1/jobs/claim", body)
            taken = ClaimReply.model_validate(answer.body).assignments
        for assignment in taken:
            self._given(assignment)
        self.service.tally[f"claim {'some' if taken else 'none'}"] += 1
        return len(taken)

    async def report(self, door: int, report: dict[str, Any]) -> Outcome:
        if door == NATS:
            outcome = (await RunnerForTests(self.service.bus).send(report))[0].outcome
        else:
            body = {"runner": "runner", "reports": [report]}
            outcome = _outcome(await self.api(door).post(f"/v1/jobs/{report['job_id']}/reports", body))
        self.service.tally[f"{report['kind']} {outcome}"] += 1
        if outcome is Outcome.ACCEPTED and report["kind"] in ENDINGS:
            self.accepted.append(report)
        return outcome

    async def limit(self, at: int, concurrency_limit: int | None) -> None:
        body = {"concurrency_limit": concurrency_limit}
        assert (await self.admin(at).call("PUT", f"/v1/queues/{self.queue}", json=body)).status == 200

    async def pause(self, at: int) -> None:
        assert (await self.admin(at).post(f"/v1/queues/{self.queue}/pause")).status == 200

    async def resume(self, at: int) -> None:
        assert (await self.admin(at).post(f"/v1/queues/{self.queue}/resume")).status == 200

    async def cancel(self, at: int, job_id: str, *, cascade: bool = True) -> Answer:
        answer = await self.api(at).post(f"/v1/jobs/{job_id}/cancel", {"cascade": cascade})
        if answer.status == 200 and cascade:
            self.cascaded.add(job_id)
        return self._noted("cancel", answer)

    async def retry(self, at: int, job_id: str) -> Answer:
        return self._noted("retry", await self.api(at).post(f"/v1/jobs/{job_id}/retry"))

    async def time_is_over(self, timer: str, job_id: str, *, at: tuple[int, ...] = (0, 1)) -> None:
        """Let a job's time be over, and every instance of `at` look, at once."""
        await self.move(timer, job_id)
        await self.sweep(timer, at)

    async def move(self, timer: str, job_id: str) -> None:
        moved = await self.service.database.execute(_MOVE[timer], job_id)
        self.service.tally[f"{timer} {moved}"] += 1

    async def expire(self, job_id: str) -> None:
        """Let the time to live of an ended job be over, and both instances look at once."""
        assert await self.service.database.execute(_EXPIRE, job_id) == "UPDATE 1"
        self.gone[job_id] = self.rows[job_id]
        await asyncio.gather(*(self.service.instance(at).retention.expire_jobs() for at in range(2)))
        await self.observe()
        if job_id in self.rows:
            del self.gone[job_id]
        self.service.tally[f"expiry {'now' if job_id in self.gone else 'later'}"] += 1

    async def sweep(self, timer: str, at: tuple[int, ...]) -> None:
        sweepers = [self.service.instance(each).sweeper for each in at]
        looks: list[Awaitable[Any]] = [
            sweeper.ready_scheduled() if timer == "schedule" else sweeper.sweep_due() for sweeper in sweepers
        ]
        await asyncio.gather(*looks)

    def _noted(self, verb: str, answer: Answer) -> Answer:
        code = answer.body.get("code", "") if answer.status >= 400 else ""
        self.service.tally[f"{verb} {answer.status} {code}".strip()] += 1
        assert answer.status in (200, 201, 409), answer
        assert answer.status != 409 or code in (
            "wrong_state",
            "parent_ended",
            "idempotency_key_reused",
            "retry_not_supported",
        )
        return answer

    def _given(self, assignment: Assignment) -> None:
        attempt = assignment.job.id, assignment.attempt
        assert attempt not in self.assignments, f"{attempt} was given twice"
        self.assignments[attempt] = assignment

    # What is observed

    async def observe(self) -> None:
        """Read rows and stream until both say the same, and check what they say."""
        assert await eventually(self._is_level, within_seconds=5), self._behind()
        for job_id, row in self.rows.items():
            check_equal(self.histories[job_id], row)
        check_family({**self.gone, **self.rows}, self.cascaded)
        for (job_id, attempt), assignment in self.assignments.items():
            assert self.histories[job_id].runners[attempt], assignment
        for report in self.accepted:
            check_accepted(report, self.histories[report["job_id"]])

    async def _is_level(self) -> bool:
        fetched = await self.service.database.fetch(_ROWS, self.scope)
        self.rows = {row["id"]: dict(row) for row in fetched}
        if any(row["is_cascading"] for row in fetched):
            await asyncio.gather(*(self.service.instance(at).cascader.step() for at in range(2)))
            return False
        await self._read_stream()
        return {job_id: row["revision"] for job_id, row in self.rows.items()} == {
            job_id: history.revision for job_id, history in self.histories.items() if not history.is_expired
        }

    async def _read_stream(self) -> None:
        """Follow the stream from the cursor on."""
        upto = (await self.service.bus.state()).last_sequence
        wanted = EventFilter(scope=self.scope)
        async for batch in self.service.bus.replay(wanted, after=self.sequence, upto=upto):
            for message in batch:
                event = parse_event(message.payload)
                self.histories.setdefault(event.subject, History()).see(event)  # type: ignore[arg-type]
        self.sequence = upto

    def _behind(self) -> Mapping[str, Any]:
        return {
            job_id: (row["revision"], (self.histories.get(job_id) or History()).revision)
            for job_id, row in self.rows.items()
        }

    async def check_children(self) -> None:
        """What the document of each parent says of its children, and what it was told of them, is what they are."""
        parents = [job_id for job_id, row in self.rows.items() if row["child_count"]]
        for job_id in parents:
            document = (await self.api(0).get(f"/v1/jobs/{job_id}")).body
            assert _counts(document.get("children", {})) == self._counted(job_id)

    async def rolled_up(self) -> None:
        """Wait until running parents show their children's counts."""
        assert await eventually(self._is_rolled_up, within_seconds=8), self._not_told()

    async def _is_rolled_up(self) -> bool:
        await self.observe()
        return not self._not_told()

    def _not_told(self) -> list[Row]:
        """Running parents that do not show where their children are."""
        return [
            row
            for row in self.rows.values()
            if row["child_count"] and row["status"] == "running" and not self._is_told(row)
        ]

    def _is_told(self, row: Row) -> bool:
        shown = orjson.loads(row["progress"]).get("children") or {}
        return _counts(shown) == self._counted(row["id"])

    def _counted(self, parent_id: str) -> dict[str, int]:
        return dict(Counter(row["status"] for row in self.rows.values() if row["parent_id"] == parent_id))


def _outcome(answer: Answer) -> Outcome:
    """What became of the one report of a request."""
    if answer.status == 200:
        return ReportReply.model_validate(answer.body).outcomes[0].outcome
    refusals = {(403, "fenced"): Outcome.FENCED, (409, "cancel_not_requested"): Outcome.INVALID}
    return refusals[answer.status, answer.body["code"]]


def _counts(children: Mapping[str, Any]) -> dict[str, int]:
    kept = {name: number for name, number in children.items() if number and name not in ("total", "percent")}
    assert sum(kept.values()) == children.get("total", 0)
    return kept
