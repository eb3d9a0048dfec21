"""Requests to run an ended job again."""

from pydantic import Field

from wayside_events.contracts.jobs.jobs import Job
from wayside_events.contracts.model import Reply, Request
from wayside_events.identifiers import Id, Scope


class RetryRequest(Request):
    """Ask for a new job like one that has ended."""

    scope: Scope
    job_id: Id
    requested_by: str = Field(min_length=1, max_length=200)
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=200)
    traceparent: str | None = Field(default=None, max_length=100)


class RetryReply(Reply):
    """The job that retries the other one; `created` is false when there was one already that is active.

    `replayed` says that this is the first answer to the same idempotency key, once more.
    """

    job: Job
    created: bool
    replayed: bool = False
