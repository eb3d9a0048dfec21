"""Who gets which job; pure."""

from asyncio import Future
from typing import Any, cast

import pytest
from tests.jobs.samples import JOB_ID, NOW

from wayside_events.contracts.jobs import Assignment, ClaimRequest
from wayside_jobs.domain.claims import Claimed, ReadyJob, assignment
from wayside_jobs.domain.values import Json
from wayside_jobs.service.claiming.dealing import REPLY_BYTES, Hand, Waiter, assignment_size, deal


def waiter(name: str, slots: int = 1) -> Waiter:
    request = ClaimRequest(runner=name, queues=("default",), job_types=("demo.add",), slots=slots)
    return Waiter(request, 0.0, cast("Future[list[bytes]]", None))


def ready(*queues: str, size: int = 2) -> list[ReadyJob]:
    """Jobs told apart by their queue."""
    return [ReadyJob(JOB_ID, queue, "demo.add", "acme", size) for queue in queues]


def given(hands: list[Hand]) -> dict[str, list[str]]:
    return {hand.waiter.request.runner: [item.queue for item in hand.jobs] for hand in hands}


def claimed(**fields: Any) -> Claimed:
    values = dict.fromkeys(Claimed._fields) | {
        "id": JOB_ID,
        "scope": "acme",
        "type": "demo.add",
        "queue": "default",
        "priority": 5,
        "revision": 2,
        "attempt": 1,
        "max_attempts": 3,
        "runner": "runner-1",
        "created_by": "ada",
        "created_at": NOW,
        "started_at": NOW,
        "lease_seconds": 30.0,
        "cancel_grace_seconds": 30.0,
        "input": Json("{}"),
    }
    return Claimed(**cast("dict[str, Any]", values | fields))


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
    texts = {"session_id": text * 200, "related_type": text * 100, "related_id": text * 200}
    texts |= {"created_by": text * 200, "traceparent": text * 100}
    value = Json(f'"{text}"')
    job = claimed(
        **texts,
        queue="q" * 63,
        parent_id=JOB_ID,
        root_id=JOB_ID,
        attempt=10**6,
        timeout_seconds=1e6,
        input=value,
    )
    size = len(value.encode()) + 6 * sum(map(len, texts.values()))
    item = ReadyJob(JOB_ID, job.queue, job.type, job.scope, size)
    assert len(assignment(job, "t" * 32)) <= assignment_size(item)


def test_a_short_assignment_is_not_thought_three_times_as_large() -> None:
    [item] = ready("default")
    assert assignment_size(item) < 3 * len(assignment(claimed(), "t" * 32))


def test_an_assignment_says_all_that_is_known_of_the_job() -> None:
    job = claimed(
        session_id="s", related_type="report", related_id="7", parent_id=JOB_ID, timeout_seconds=9.0
    )
    told = Assignment.model_validate_json(assignment(job, "secret"))
    assert told.job.related is not None
    assert (told.job.session_id, told.job.related.id, told.job.parent_id) == ("s", "7", JOB_ID)
    assert (told.token, told.timeout_seconds, told.job.created_at) == ("secret", 9.0, NOW)
