"""What the statement of a claim does to a job is what the state machine says, and it is told so."""

from typing import Any

import pytest
from tests.jobs.api import Api, RunnerForTests
from tests.jobs.conftest import Connection
from tests.jobs.samples import JOB_ID, claim, running

from wayside_events.catalogue import parse_event
from wayside_events.contracts.jobs import Assignment
from wayside_events.jobs import JobStatus
from wayside_jobs.domain.claims import CLAIMED_STATUS, Claimed, assignment, started
from wayside_jobs.domain.documents import assignment_fields
from wayside_jobs.domain.events import encode_event
from wayside_jobs.domain.facts import Started
from wayside_jobs.domain.job import Job, hash_token
from wayside_jobs.domain.values import Json
from wayside_jobs.store.rows import job_of
from wayside_jobs.store.statements import SQL


async def stored(connection: Connection, job_id: str) -> Job:
    [row] = await connection.fetch(SQL.read_jobs, [job_id], True)
    return job_of(row)


async def test_a_claim_changes_a_job_as_the_state_machine_says(
    api: Api, runner: RunnerForTests, connection: Connection
) -> None:
    job_id = (await api.create(timeout_seconds=5, session_id="s")).id
    for attempt in (1, 2):
        before = await stored(connection, job_id)
        assignment = await runner.claim_one()
        after = await stored(connection, job_id)
        assert after.started_at is not None
        token_hash = hash_token(assignment.token)
        assert after == claim(before, runner=runner.name, token_hash=token_hash, now=after.started_at).job
        assert (after.status, after.attempt) == (CLAIMED_STATUS, attempt)
        await runner.report(assignment, "progress", progress={"percent": 5})
        await runner.report(assignment, "fail", error={"code": "error", "message": "again"})
        assert (await stored(connection, job_id)).status is JobStatus.QUEUED


RICH: dict[str, Any] = {
    "session_id": 's"1',
    "related": {"type": "report", "id": "7"},
    "parent_id": JOB_ID,
    "timeout_seconds": 9.5,
}


def claimed(job: Job, job_input: Json) -> Claimed:
    """What the statement returns of a job."""
    fields: dict[str, Any] = {name: getattr(job, name, None) for name in Claimed._fields}
    related = job.related
    fields |= {"related_type": related.type, "related_id": related.id} if related else {}
    for name in ("lease_seconds", "timeout_seconds", "cancel_grace_seconds"):
        fields[name] = getattr(job.policy, name)
    return Claimed(**fields | {"input": job_input})


@pytest.mark.parametrize("fields", [{}, RICH])
def test_a_claim_tells_what_any_start_of_an_attempt_tells(fields: dict[str, Any]) -> None:
    job = running(**fields)._replace(traceparent="00-1" if fields else None, root_id=job_root(fields))
    told = started(claimed(job, Json("1")))
    expected = encode_event(job, Started())
    assert told._replace(payload=b"") == expected._replace(payload=b"")
    assert parse_event(told.payload) == parse_event(expected.payload)


@pytest.mark.parametrize("fields", [{}, RICH])
def test_a_claim_is_answered_with_what_any_assignment_says(fields: dict[str, Any]) -> None:
    job = running(**fields)._replace(root_id=job_root(fields))
    given = Assignment.model_validate_json(assignment(claimed(job, Json('{"a":1}')), "secret"))
    assert given == Assignment.model_validate(
        {**assignment_fields(job, "secret", None), "job": {**assigned(job), "input": {"a": 1}}}
    )


def assigned(job: Job) -> dict[str, Any]:
    return dict(assignment_fields(job, "", None)["job"])


def job_root(fields: dict[str, Any]) -> Any:
    return fields.get("parent_id")
