"""One statement completes many jobs: exactly as the decision in Python would, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.jobs.api import Api, RunnerForTests
from tests.jobs.conftest import Connection
from tests.jobs.samples import TOKEN, after, canceling, completed, failed, queued, running, tracked

from wayside_events.bus import Bus
from wayside_events.contracts.jobs import REPORT, Outcome
from wayside_events.identifiers import new_id
from wayside_events.jobs import JobStatus, Progress, QueuedReason
from wayside_jobs.domain import verbs
from wayside_jobs.domain.events import encode_event
from wayside_jobs.domain.facts import Completed, Queued
from wayside_jobs.domain.job import Change, Job, hash_token
from wayside_jobs.domain.logs import LogBounds
from wayside_jobs.domain.reports import Chance, decide, prepare
from wayside_jobs.domain.states import TRANSITIONS, Verb
from wayside_jobs.domain.values import Json
from wayside_jobs.store import Completion, Creations, NewJob, Reports, Unit

_RICH: dict[str, Any] = {
    "session_id": "s-1",
    "related": {"type": "report", "id": "7"},
    "ttl_seconds": 60.0,
    "timeout_seconds": 5.0,
}
_TIMES = {"updated_at", "finished_at", "expires_at"}

_JOBS = st.sampled_from(
    [
        queued(),
        running(),
        running(**_RICH),
        running()._replace(seq=3),
        running()._replace(updated_at=after(10**9)),
        running()._replace(error=Json('{"code":"error","message":"before"}')),
        verbs.progress(running(), Progress(percent=5), None, seq=1, now=after(1)).job,
        verbs.progress(running(), Progress(), Json("[1]"), seq=1, now=after(1)).job,
        canceling(**_RICH),
        completed(),
        failed(),
        tracked(),
        verbs.lose(running(), draw=0.5, now=after(60)).job,
    ]
)
_REPORTS = st.builds(
    lambda **fields: {"kind": "complete", **fields},
    attempt=st.sampled_from([1, 1, 1, 2]),
    token=st.sampled_from([TOKEN, TOKEN, TOKEN, "another"]),
    seq=st.integers(1, 5),
    result=st.sampled_from([None, 3, {"a": [1.5, "ü"]}]),
    metrics=st.none() | st.just({"tokens": 7}),
)


async def stored(unit: Unit, job: Job) -> Job:
    """Store a job as it is, under an id of its own."""
    job = job._replace(id=new_id())
    new = job._replace(revision=1, status=JobStatus.QUEUED, attempt=0, lease_expires_at=None, due_at=None)
    await Creations(unit).insert([NewJob([Change(new, Queued(QueuedReason.CREATED))], Json("1"))])
    if job != new:
        await unit.write({job.id: new}, [Change(job._replace(revision=max(job.revision, 2)), None)])
    return job


async def row(connection: Connection, job_id: str) -> dict[str, Any]:
    found = dict(await connection.fetchrow("SELECT * FROM jobs WHERE id = $1", job_id) or {})
    found["ages"] = [(found[name] - found["updated_at"]) for name in _TIMES if found[name]]
    if found["updated_at"] < after(10**8):
        found = {name: value for name, value in found.items() if name not in _TIMES}
    return found | {"id": None, "progress": orjson.loads(found["progress"])}


def told(job: Job) -> dict[str, Any]:
    event: dict[str, Any] = orjson.loads(encode_event(job, Completed()).payload)
    data = {
        name: value for name, value in event["data"].items() if name not in {"job_id", "duration_seconds"}
    }
    return {**event, "data": data, "id": None, "subject": None, "time": None}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(job=_JOBS, said=_REPORTS)
async def test_the_statement_does_what_the_decision_says(
    connection: Connection, job: Job, said: dict[str, Any]
) -> None:
    async with rolled_back(connection):
        unit = Unit(connection)
        one, two = [await stored(unit, job) for _ in range(2)]
        before = await row(connection, one.id)
        prepared = prepare(REPORT.validate_python({**said, "job_id": two.id}))
        locked = await unit.lock([two.id])
        decision = decide(locked.jobs[two.id], prepared, Chance(locked.now, 0.5, LogBounds(10, 10)))
        completion = Completion(
            one.id,
            said["attempt"],
            hash_token(said["token"]),
            said["seq"],
            prepared.metrics,
            prepared.payload or Json("null"),
        )
        done = await Reports(unit).complete([completion])
        is_simple = decision.outcome is Outcome.ACCEPTED and locked.jobs[two.id].progress == "{}"
        assert set(done) == ({one.id} if is_simple else set())
        if decision.change is None or not is_simple:
            assert await row(connection, one.id) == before
            return
        await unit.write(locked.jobs, [decision.change])
        assert await row(connection, one.id) == await row(connection, two.id)
        assert told(done[one.id].job) == told(decision.change.job)


@asynccontextmanager
async def rolled_back(connection: Connection) -> AsyncIterator[None]:
    transaction = connection.transaction()
    await transaction.start()
    yield
    await transaction.rollback()


def test_the_statement_is_one_transition_of_the_table() -> None:
    assert TRANSITIONS[JobStatus.RUNNING, Verb.COMPLETE] == {JobStatus.COMPLETED}
    assert [origin for origin, verb in TRANSITIONS if verb is Verb.COMPLETE] == [JobStatus.RUNNING]


@pytest.mark.parametrize("kind", ["complete", "heartbeat"])
async def test_a_locked_job_delays_no_other(
    api: Api, runner: RunnerForTests, bus: Bus, connection: Connection, kind: str
) -> None:
    for _ in range(2):
        await api.create()
    held, free = await runner.claim(2)
    async with connection.transaction():
        await connection.execute("SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE", held.job.id)
        waiting = asyncio.create_task(RunnerForTests(bus).report(held, kind))
        assert (await asyncio.wait_for(runner.report(free, kind), 1)).outcome is Outcome.ACCEPTED
        assert not waiting.done()
    assert (await waiting).outcome is Outcome.ACCEPTED


async def test_a_heartbeat_or_a_log_leaves_a_partial_result_as_it_is(
    api: Api, runner: RunnerForTests
) -> None:
    job = await api.create()
    assignment = await runner.claim_one()
    await runner.report(assignment, "progress", progress={"percent": 1}, partial={"a": 1})
    await runner.report(assignment, "heartbeat")
    await runner.report(assignment, "log", entries=[{"time": after(0).isoformat(), "message": "hello"}])
    assert (await api.job(job.id)).partial == {"a": 1}
    await runner.report(assignment, "complete", result=2)
    ended = await api.job(job.id)
    assert (ended.partial, ended.progress.percent) == ({"a": 1}, 100)
