"""Orders about many jobs: what may be asked for, pure."""

from typing import Any

import pytest
from tests.jobs.samples import JOB_ID, NOW, after

from wayside_events.contracts.jobs import BulkCounts, BulkItem, BulkOrder, BulkOutcome
from wayside_events.identifiers import ScopeName
from wayside_events.jobs import JobStatus
from wayside_jobs.domain.bulk import FAILURES_LIMIT, check_order, counted, wanted_by
from wayside_jobs.domain.errors import InvalidBulk, InvalidValue


def order(action: str = "cancel", **fields: Any) -> BulkOrder:
    return BulkOrder.model_validate({"action": action, **fields})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "/filter"),
        ({"filter": {"all": True}, "job_ids": [JOB_ID]}, "/filter"),
        ({"filter": {}}, "/filter/all"),
        ({"filter": {"status": ["queued", "running"]}}, "/filter/all"),
        ({"filter": {"all": True, "type": "t"}}, "/filter/all"),
        ({"filter": {"all": True, "status": ["queued"]}}, "/filter/all"),
        ({"filter": {"status": ["completed"], "type": "t"}}, "/filter/status"),
        ({"filter": {"related_type": "t"}}, "/filter/related_id"),
        ({"filter": {"related_id": "t"}}, "/filter/related_type"),
        ({"action": "retry", "filter": {"status": ["running"]}}, "/filter/status"),
        ({"action": "retry", "filter": {"status": ["failed", "canceled", "completed"]}}, "/filter/all"),
    ],
)
def test_an_order_that_contradicts_itself_is_refused(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidBulk) as refused:
        check_order(order(**fields))
    assert refused.value.errors[0].field == field


@pytest.mark.parametrize("field", ["session_id", "created_by"])
def test_what_postgresql_cannot_hold_is_refused(field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        check_order(order(filter={field: "\0"}))
    assert refused.value.errors[0].field == f"/filter/{field}"


@pytest.mark.parametrize(
    "fields",
    [
        {"filter": {"all": True}},
        {"filter": {"status": ["queued"]}},
        {"filter": {"type": "t"}},
        {"job_ids": [JOB_ID]},
    ],
)
def test_an_order_that_says_what_it_means_is_taken(fields: dict[str, Any]) -> None:
    check_order(order(**fields))


def test_nothing_that_came_after_the_order_is_meant() -> None:
    wanted = wanted_by(order(filter={"type": "t", "created_before": after(5)}), ScopeName("acme"), NOW)
    assert wanted is not None
    assert (wanted.created_before, wanted.statuses) == (NOW, (JobStatus.QUEUED, JobStatus.RUNNING))


def test_a_retry_means_what_failed_unless_it_says_otherwise() -> None:
    said = {"type": "t", "status": ["canceled"]}
    usual, other = (
        wanted_by(order("retry", filter=given), ScopeName("acme"), NOW) for given in ({"type": "t"}, said)
    )
    assert usual is not None
    assert other is not None
    assert (usual.statuses, other.statuses) == ((JobStatus.FAILED,), (JobStatus.CANCELED,))


def test_outcomes_are_counted_and_the_first_failures_are_named() -> None:
    outcomes = [BulkOutcome.DONE, BulkOutcome.SKIPPED, *[BulkOutcome.NOT_FOUND] * 30]
    items = [BulkItem(job_id=JOB_ID, outcome=outcome) for outcome in outcomes]
    counts = counted(BulkCounts(matched=50, done=1), items)
    assert (counts.done, counts.skipped, counts.failed, counts.handled) == (2, 1, 30, 33)
    assert len(counts.failures) == FAILURES_LIMIT
