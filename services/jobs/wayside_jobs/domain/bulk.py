"""Cancels and retries of many jobs: what may be asked for, and what is counted."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from wayside_events.contracts.jobs import (
    BULK_QUEUE,
    BULK_TYPE,
    BulkAction,
    BulkCounts,
    BulkFailure,
    BulkFilter,
    BulkItem,
    BulkOrder,
    BulkOutcome,
    JobTypeSpec,
)
from wayside_events.identifiers import ScopeName
from wayside_events.jobs import JobStatus
from wayside_jobs.domain.errors import InvalidBulk
from wayside_jobs.domain.states import TERMINAL
from wayside_jobs.domain.values import plain_text
from wayside_jobs.domain.wanted import Wanted

BULK_SPEC: Final = JobTypeSpec.model_validate(
    {
        "name": BULK_TYPE,
        "label": "Bulk action",
        "icon": "list-checks",
        "description": "Cancels or retries many jobs; cancel it to stop.",
        "queue": BULK_QUEUE,
        "capabilities": {"retry": False},
        "max_attempts": 20,
        "backoff": {"initial_seconds": 1, "max_seconds": 60},
        "ttl_seconds": 30 * 86_400,
    }
)
"""The built-in type of the jobs that do what is too much for one request."""

FAILURES_LIMIT = 20

POSSIBLE: Final[Mapping[BulkAction, frozenset[JobStatus]]] = MappingProxyType(
    {
        BulkAction.CANCEL: frozenset(set(JobStatus) - TERMINAL),
        BulkAction.RETRY: TERMINAL,
    }
)
"""The statuses of jobs with which something can be done."""

USUAL: Final[Mapping[BulkAction, frozenset[JobStatus]]] = MappingProxyType(
    {
        BulkAction.CANCEL: POSSIBLE[BulkAction.CANCEL],
        BulkAction.RETRY: frozenset({JobStatus.FAILED}),
    }
)
"""Those that are meant when the filter does not say."""


def check_order(order: BulkOrder) -> None:
    """Raise `InvalidBulk` for an order that contradicts itself, or `InvalidValue`."""
    plain_text(order.reason, "/reason")
    if (order.filter is None) == (order.job_ids is None):
        raise InvalidBulk("/filter", "one_of", "Name either a filter or job_ids.")
    if order.filter is not None:
        _check_filter(order.action, order.filter)


def wanted_by(order: BulkOrder, scope: ScopeName, now: datetime) -> Wanted | None:
    """Return which jobs a checked order is about, of those that exist `now`; `None` when it names them."""
    if order.filter is None:
        return None
    given = order.filter
    created_before = min(now, given.created_before or now)
    statuses = sorted(given.status or USUAL[order.action])
    filters = given.model_dump(exclude={"status", "all", "created_before"})
    return Wanted(scope=scope, statuses=tuple(statuses), created_before=created_before, **filters)


def counted(counts: BulkCounts, items: Sequence[BulkItem]) -> BulkCounts:
    """Add the outcomes of some jobs; the first failures are kept."""
    failed = [item for item in items if item.outcome in (BulkOutcome.FAILED, BulkOutcome.NOT_FOUND)]
    failures = [*counts.failures, *map(_failure, failed[:FAILURES_LIMIT])]
    return counts.model_copy(
        update={
            "done": counts.done + sum(item.outcome is BulkOutcome.DONE for item in items),
            "skipped": counts.skipped + sum(item.outcome is BulkOutcome.SKIPPED for item in items),
            "failed": counts.failed + len(failed),
            "failures": tuple(failures[:FAILURES_LIMIT]),
        }
    )


def _failure(item: BulkItem) -> BulkFailure:
    if item.problem is None:
        return BulkFailure(job_id=item.job_id, code="not_found", detail="There is no such job.")
    return BulkFailure(job_id=item.job_id, code=item.problem.code, detail=item.problem.detail[:200])


def _check_filter(action: BulkAction, given: BulkFilter) -> None:
    possible = POSSIBLE[action]
    if impossible := set(given.status) - possible:
        names = " or ".join(sorted(impossible))
        done = "canceled" if action is BulkAction.CANCEL else "retried"
        raise InvalidBulk("/filter/status", "not_possible", f"Jobs that are {names} cannot be {done}.")
    if (given.related_type is None) != (given.related_id is None):
        field = "/filter/related_type" if given.related_type is None else "/filter/related_id"
        raise InvalidBulk(field, "missing", "related_type and related_id go together.")
    for name in ("session_id", "related_type", "related_id", "created_by"):
        plain_text(getattr(given, name), f"/filter/{name}")
    meant = set(given.status or USUAL[action])
    narrows = meant != possible and bool(given.status)
    names_some = given.model_dump(exclude={"status", "all"}, exclude_none=True) != {}
    if not given.all and not narrows and not names_some:
        raise InvalidBulk(
            "/filter/all", "missing", "The filter leaves out nothing: say `all` if that is meant."
        )
    if given.all and (narrows or names_some):
        raise InvalidBulk("/filter/all", "contradiction", "Either all jobs are meant or those of a filter.")
