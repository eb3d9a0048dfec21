"""Who gets which job; pure."""

from asyncio import Future
from typing import Any, cast

import orjson
import pytest
from tests.jobs.samples import JOB_ID, queued

from wayside_events.contracts.jobs import ClaimRequest
from wayside_jobs.domain.documents import Document, assignment_fields
from wayside_jobs.domain.values import Json
from wayside_jobs.service.dealing import REPLY_BYTES, Hand, Waiter, assignment_size, deal
from wayside_jobs.store import ReadyJob


def waiter(name: str, slots: int = 1) -> Waiter:
    request = ClaimRequest(runner=name, queues=("default",), job_types=("demo.add",), slots=slots)
    return Waiter(request, 0.0, cast("Future[list[Document]]", None))


def ready(*queues: str, size: int = 2) -> list[ReadyJob]:
    """Jobs told apart by their queue."""
    return [ReadyJob(queued()._replace(queue=queue), Json("1" * size), size) for queue in queues]


def given(hands: list[Hand]) -> dict[str, list[str]]:
    return {hand.waiter.request.runner: [item.job.queue for item in hand.jobs] for hand in hands}


def test_jobs_are_dealt_one_at_a_time_from_who_waits_longest() -> None:
    hands = deal(ready("1", "2", "3"), [waiter("a", 5), waiter("b", 5)])
    assert given(hands) == {"a": ["1", "3"], "b": ["2"]}


def test_nobody_gets_more_than_their_slots() -> None:
    hands = deal(ready("1", "2", "3", "4"), [waiter("a", 1), waiter("b", 2)])
    assert given(hands) == {"a": ["1"], "b": ["2", "3"]}


def test_who_gets_nothing_is_left_out() -> None:
    assert given(deal(ready("1"), [waiter("a"), waiter("b")])) == {"a": ["1"]}


def test_an_answer_that_would_grow_too_large_leaves_the_job_to_the_next() -> None:
    hands = deal(ready("1", "2", "3", size=REPLY_BYTES // 2 - 1000), [waiter("a", 5), waiter("b", 5)])
    assert given(hands) == {"a": ["1", "3"], "b": ["2"]}
    hands = deal(ready("1", "2", "3", size=REPLY_BYTES // 2), [waiter("a", 5), waiter("b", 5)])
    assert given(hands) == {"a": ["1"], "b": ["2"]}


@pytest.mark.parametrize("text", ["a", "\x01", "\u5b57", '"'])
def test_an_assignment_is_never_larger_than_it_was_thought(text: str) -> None:
    fields: dict[str, Any] = {"session_id": text * 200, "related": {"type": text * 100, "id": text * 200}}
    job = queued(**fields, queue="q" * 63)._replace(
        created_by=text * 200, traceparent=text * 100, parent_id=JOB_ID, root_id=JOB_ID, attempt=10**6
    )
    item = ReadyJob(job, Json(f'"{text}"'), len(text.encode()) + 2)
    encoded = orjson.dumps(assignment_fields(job, "t" * 32, item.input))
    assert len(encoded) <= assignment_size(item)


def test_a_short_assignment_is_not_thought_three_times_as_large() -> None:
    [item] = ready("default")
    assert assignment_size(item) < 3 * len(orjson.dumps(assignment_fields(item.job, "t" * 32, item.input)))
