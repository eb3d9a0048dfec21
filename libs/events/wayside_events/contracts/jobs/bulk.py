"""Cancels and retries of many jobs at once."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from wayside_events.contracts.jobs.job_types import JobTypeName
from wayside_events.contracts.jobs.jobs import Job
from wayside_events.contracts.model import Reply, Request
from wayside_events.contracts.problems import Problem
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Scope
from wayside_events.jobs import JobStatus

BULK_IDS_LIMIT = 1_000
BULK_AT_ONCE_LIMIT = 500
"""More than so many jobs are the work of a job of their own, of the type `BULK_TYPE`."""

BULK_COUNT_LIMIT = 10_000
"""Up to here it is counted how many jobs match; a job that works on more knows the number when it has begun."""

BULK_TYPE = "wayside.jobs.bulk"
BULK_QUEUE = "wayside-internal"

_Name = Annotated[str, Field(min_length=1, max_length=200)]


class BulkAction(StrEnum):
    """What is done with each job."""

    CANCEL = "cancel"  # as POST /v1/jobs/{id}/cancel
    RETRY = "retry"  # as POST /v1/jobs/{id}/retry


class BulkFilter(Request):
    """Which jobs, by the names that lists have; what is given holds together.

    Without `status`, cancel means jobs that are queued or running, and retry those that failed. A filter that leaves
    out nothing must say so: `all`.
    """

    status: tuple[JobStatus, ...] = Field(default=(), max_length=5)
    type: JobTypeName | None = None
    session_id: _Name | None = None
    parent_id: Id | None = None
    root_id: Id | None = None
    related_type: _Name | None = None
    related_id: _Name | None = None
    created_by: _Name | None = None
    created_after: Timestamp | None = None
    created_before: Timestamp | None = None
    all: bool = False


class BulkOrder(Request):
    """What to do with which jobs: those of a filter, or those named. `reason` and `cascade` are for cancels."""

    action: BulkAction
    filter: BulkFilter | None = None
    job_ids: tuple[Id, ...] | None = Field(default=None, min_length=1, max_length=BULK_IDS_LIMIT)
    reason: str | None = Field(default=None, max_length=1_000)
    cascade: bool = True


class BulkBody(BulkOrder):
    """What `POST /v1/jobs/bulk` takes; `dry_run` only counts, and shows some of the jobs."""

    scope: Scope
    dry_run: bool = False


class BulkOutcome(StrEnum):
    """What became of one job of many."""

    DONE = "done"  # it was canceled or asked to end, or a new job retries it
    SKIPPED = "skipped"  # there was nothing to do: it has ended, was asked before, or is retried already
    FAILED = "failed"  # it was refused
    NOT_FOUND = "not_found"  # there is no such job in the scope


class BulkItem(Reply):
    """The outcome of one job, its status then, the job that retries it, and why it was refused or passed over."""

    job_id: Id
    outcome: BulkOutcome
    status: JobStatus | None = None
    retried_by: Id | None = None
    problem: Problem | None = None


class BulkFailure(Reply):
    """One of the first jobs that were refused."""

    job_id: Id
    code: str
    detail: str


class BulkCounts(Reply):
    """How many jobs were found, or named, and what became of those that have been worked on; unknown ids have failed."""

    matched: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0
    failures: tuple[BulkFailure, ...] = ()

    @property
    def handled(self) -> int:
        """How many have been worked on."""
        return self.done + self.skipped + self.failed


class BulkReply(BulkCounts):
    """`items` has the outcome of each job, `sample` some of those a dry run found.

    Of many jobs only `matched` is known, and with `more` only that there are more than that: `job` is the job that works on
    them. Its partial result, and its result, are `BulkCounts`; cancel it to stop.
    """

    action: BulkAction
    more: bool = False
    dry_run: bool = False
    items: tuple[BulkItem, ...] = ()
    sample: tuple[Job, ...] = ()
    job: Job | None = None
