"""Promises over whole runs: every event equals its row, revisions have no holes, and what is documented is served."""

import asyncio
import random
from importlib.resources import files

import orjson
from tests.jobs.api import SCOPE, Api, RunnerForTests, spec
from tests.jobs.conftest import Connection, StartInstance

from wayside_events.bus import Bus, OutgoingMessage
from wayside_events.catalogue import TERMINAL_TYPES, AnyEvent, parse_event
from wayside_events.contracts.jobs import Job, Outcome
from wayside_events.jobs import (
    JobCanceled,
    JobCompleted,
    JobFailed,
    JobLifecycleData,
    JobProgressed,
    JobQueued,
    JobStarted,
)
from wayside_service.outbox import OUTBOX_SQL
from wayside_service.outbox.frame import unpack

KEEP_EVENTS = """
    CREATE TABLE kept (LIKE outbox);
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO jobs.kept VALUES (NEW.*); RETURN NULL; END $$;
    CREATE TRIGGER keep AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION keep();
"""


async def kept(connection: Connection) -> list[OutgoingMessage]:
    """All events that were ever written, in order."""
    rows = await connection.fetch("SELECT events, messages FROM kept ORDER BY id")
    return [message for row in rows for message in unpack(row["messages"], row["events"])]


async def a_life(api: Api, runner: RunnerForTests, dice: random.Random) -> list[Job]:
    """Let one job live somehow; returns it as it was seen on the way."""
    job = await api.create(max_attempts=2, input=dice.random())
    seen = [job]
    for _ in range(40):
        if dice.random() < 0.1:
            await api.cancel(job.id)
        for assignment in await runner.claim(3):
            await an_attempt(runner, assignment, dice)
        seen.append(await api.job(job.id))
        if seen[-1].status in ("completed", "failed", "canceled"):
            break
    return seen


async def an_attempt(runner: RunnerForTests, assignment: object, dice: random.Random) -> None:
    own = RunnerForTests(runner.bus, runner.name)
    steps = [
        ("progress", {"progress": {"percent": dice.randint(0, 100)}}),
        ("progress", {"progress": {"phase": "x"}, "partial": [dice.random()]}),
        ("log", {"entries": [{"time": "2026-01-01T00:00:00Z", "message": "hello"}]}),
        ("heartbeat", {}),
    ]
    ends = [
        ("complete", {"result": dice.random()}),
        ("fail", {"error": {"code": "c", "message": "m"}}),
        ("release", {}),
    ]
    for kind, fields in [*dice.sample(steps, 3), dice.choice(ends)]:
        answer = await own.report(assignment, kind, **fields)  # type: ignore[arg-type]
        if answer.cancel_requested:
            await own.report(assignment, "acknowledge_cancel")  # type: ignore[arg-type]
        if answer.outcome is not Outcome.ACCEPTED:
            return


async def test_any_run_leaves_one_event_for_each_revision_and_each_equals_the_row(
    start_instance: StartInstance, bus: Bus, connection: Connection
) -> None:
    apis = [await start_instance() for _ in range(2)]
    await connection.execute(KEEP_EVENTS)
    runner = RunnerForTests(bus)
    await runner.register(spec())
    dice = random.Random(7)
    lives = await asyncio.gather(*(a_life(apis[n % 2], runner, dice) for n in range(24)))
    written = await kept(connection)
    for seen in lives:
        events = [parse_event(each.payload) for each in written if each.subject.endswith(seen[0].id)]
        assert [event.revision for event in events] == list(range(1, len(events) + 1))
        assert sum(event.type in TERMINAL_TYPES for event in events) <= 1
        assert all(event.type not in TERMINAL_TYPES for event in events[:-1])
        for job in seen:
            check_equal(events[job.revision - 1], job)


def check_equal(event: AnyEvent, job: Job) -> None:
    """What the event of a revision says is what the job showed at that revision."""
    assert (event.subject, event.scope, event.time) == (job.id, SCOPE, job.updated_at)
    if isinstance(event.data, JobLifecycleData):
        assert (event.data.status, event.data.attempt) == (job.status, job.attempt)
    match event:
        case JobQueued(data=data):
            assert (data.run_at, data.error, data.max_attempts) == (job.run_at, job.error, job.max_attempts)
        case JobStarted(data=data):
            assert data.runner == job.runner
        case JobProgressed(data=data):
            assert (data.progress, data.partial) == (job.progress, job.partial)
        case JobCompleted(data=data):
            assert (data.result, data.duration_seconds) == (job.result, job.duration_seconds)
        case JobFailed(data=data):
            assert (data.error, data.duration_seconds) == (job.error, job.duration_seconds)
        case JobCanceled(data=data):
            assert job.cancel is not None
            assert data.requested_by == job.cancel.requested_by
        case _:
            pass


async def test_a_trace_is_carried_from_the_request_into_the_events_and_the_assignment(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    await connection.execute(KEEP_EVENTS)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    await api.post("/v1/jobs", {"type": "demo.add", "scope": SCOPE}, headers=headers)
    assignment = await runner.claim_one()
    carried = [orjson.loads(each.payload)["traceparent"] for each in await kept(connection)]
    assert assignment.job.traceparent is not None
    assert all(trace in traceparent for traceparent in [*carried, assignment.job.traceparent])


async def test_the_token_of_an_attempt_is_nowhere_to_be_read(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    await connection.execute(KEEP_EVENTS)
    job = await api.create()
    assignment = await runner.claim_one()
    row = str(dict(await connection.fetchrow("SELECT * FROM jobs") or {}))
    told = str(await kept(connection))
    shown = str((await api.get(f"/v1/jobs/{job.id}")).body)
    assert assignment.token not in row + told + shown


async def test_the_document_names_every_operation(api: Api) -> None:
    async with api.client.get("/openapi.json") as response:
        document = await response.json(content_type=None)
    operations = {f"{method} {path}" for path, item in document["paths"].items() for method in item}
    assert operations == {
        "post /v1/jobs",
        "get /v1/jobs",
        "get /v1/jobs/{job_id}",
        "get /v1/jobs/by-session/{session_id}",
        "get /v1/jobs/running",
        "get /v1/jobs/recent-completions",
        "post /v1/jobs/seen",
        "get /v1/jobs/{job_id}/children",
        "post /v1/jobs/batch",
        "post /v1/jobs/bulk",
        "post /v1/jobs/{job_id}/cancel",
        "post /v1/jobs/{job_id}/retry",
        "get /v1/jobs/{job_id}/logs",
        "get /v1/job-types",
        "get /v1/job-types/{name}",
        "put /v1/job-types/{name}",
        "get /v1/queues",
        "get /v1/queues/{name}",
        "put /v1/queues/{name}",
        "post /v1/queues/{name}/pause",
        "post /v1/queues/{name}/resume",
        "get /v1/workers",
        "post /v1/workers",
        "post /v1/workers/{name}/beat",
        "post /v1/jobs/claim",
        "post /v1/jobs/{job_id}/reports",
    }


def test_the_outbox_is_the_one_the_relay_reads() -> None:
    migration = files("wayside_jobs") / "migrations" / "0002_create_outbox.sql"
    assert migration.read_text() == OUTBOX_SQL
