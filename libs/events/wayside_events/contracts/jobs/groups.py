"""Waiting for jobs to end."""

from typing import Annotated

from pydantic import Field, JsonValue

from wayside_events.contracts.model import Reply, Request
from wayside_events.identifiers import Id, Scope
from wayside_events.jobs import JobError, JobStatus


class AwaitRequest(Request):
    """Wait up to `wait_ms` until one of the jobs has ended. Ask again for those that are still pending."""

    scope: Scope
    job_ids: tuple[Id, ...] = Field(min_length=1, max_length=1_000)
    wait_ms: Annotated[int, Field(ge=0, le=60_000)] = 0


class EndedJob(Reply):
    """How a job ended."""

    job_id: Id
    status: JobStatus
    result: JsonValue = None
    error: JobError | None = None


class AwaitReply(Reply):
    """The jobs that have ended, in the order of the request, as far as they fit one message.

    `pending` is the number of the others: active, or ended but not in this answer. `missing` are ids of no job of the
    scope; an answer that names some comes at once.
    """

    ended: tuple[EndedJob, ...]
    pending: int
    missing: tuple[Id, ...] = ()
