"""The JSON that is written by hand is the JSON of the models."""

from typing import Any

import orjson
import pytest
from tests.jobs.samples import (
    NOW,
    OTHER_ID,
    after,
    canceled,
    canceling,
    claim,
    completed,
    created,
    failed,
    running,
    spec,
    tracked,
)

from wayside_events.catalogue import parse_event
from wayside_events.contracts import jobs as contracts
from wayside_events.jobs import Children, LogLevel, Progress
from wayside_jobs.domain import verbs
from wayside_jobs.domain.documents import Kin, assignment_fields, job_document
from wayside_jobs.domain.events import encode_event
from wayside_jobs.domain.facts import CancelRequested, Completed, Failed, LogRow, NewLines
from wayside_jobs.domain.job import Change, Job
from wayside_jobs.domain.logs import LogBounds
from wayside_jobs.domain.values import Json

RICH: dict[str, Any] = {
    "session_id": "s-1",
    "related": {"type": "report", "id": "7"},
    "parent_id": "0198f000-0000-7000-8000-000000000009",
    "unique_key": "k",
    "origin": "web",
    "ttl_seconds": 60.0,
}
LINES = [LogRow(0, NOW, LogLevel.ERROR, "hällo", Json('{"a":[1,null]}'))]
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LOST = verbs.lose(running(**RICH), draw=0.5, now=after(60))

CHANGES = [
    created(**RICH),
    created(),
    claim(created(**RICH).job, runner="r", token_hash=b"", now=after(1)),
    verbs.progress(running(), Progress(percent=3.5, phase="load"), Json('{"b": [2]}'), seq=1, now=after(1)),
    verbs.write_log(running(**RICH), NewLines(LINES), bounds=LogBounds(10, 10_000), seq=1, now=after(1)),
    Change(canceling(**RICH), CancelRequested()),
    verbs.acknowledge_cancel(canceling(), seq=1, now=after(2)),
    verbs.force_cancel(canceling(), now=after(99)),
    verbs.request_cancel(created().job, requested_by="bob", reason=None, now=NOW),
    Change(completed(**RICH), Completed()),
    Change(failed(), Failed()),
    LOST,
    claim(LOST.job, runner="r", token_hash=b"", now=after(90)),
    verbs.expire(completed(**RICH), now=after(99)),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change.fact).__name__)
def test_an_event_is_what_the_event_class_would_have_written(change: Change) -> None:
    assert change.fact is not None
    encoded = encode_event(change.job._replace(traceparent=TRACEPARENT), change.fact)
    event = parse_event(encoded.payload)
    assert orjson.loads(encoded.payload) == orjson.loads(event.to_json())
    assert (event.id, event.nats_subject, event.type) == (encoded.id, encoded.nats_subject, encoded.type)


@pytest.mark.parametrize(
    "job",
    [
        created(**RICH).job,
        running(),
        running(spec(timeout_seconds=9)),
        completed(**RICH),
        failed(),
        canceled(),
        canceling(**RICH),
        tracked(),
    ],
)
def test_a_job_is_what_the_contract_says(job: Job) -> None:
    document = orjson.loads(job_document(job, Json('{"a":[1,2]}')))
    model = contracts.Job.model_validate(document)
    assert document == orjson.loads(model.model_dump_json(exclude_none=True))
    assert model.input == {"a": [1, 2]}


def test_what_is_looked_up_for_a_job_is_what_the_contract_says() -> None:
    counts = {"total": 2, "queued": 1, "running": 0, "completed": 1, "failed": 0, "canceled": 0}
    kin = Kin(
        children=Children.model_validate({**counts, "percent": 50}),
        retried_by=OTHER_ID,
        resource="/reports/7",
    )
    job = verbs.progress(running(**RICH), Progress(current=1, total=4), None, seq=1, now=after(1)).job
    document = orjson.loads(job_document(job._replace(child_count=2, depth=1), None, kin))
    model = contracts.Job.model_validate(document)
    assert document == orjson.loads(model.model_dump_json(exclude_none=True))
    assert (model.child_count, model.depth, model.children, model.retried_by) == (
        2,
        1,
        kin.children,
        OTHER_ID,
    )
    assert model.eta == after(4)


def test_an_assignment_is_what_the_contract_says() -> None:
    job = running(spec(timeout_seconds=9), **RICH)
    document = orjson.loads(orjson.dumps(assignment_fields(job, "secret", Json("[1]"))))
    model = contracts.Assignment.model_validate(document)
    assert document == orjson.loads(model.model_dump_json(exclude_none=True))


def test_no_document_of_a_job_shows_its_token() -> None:
    assert b"token" not in job_document(running(), None)
