"""Jobs to create."""

from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue, WithJsonSchema
from pydantic_core import PydanticCustomError

from wayside_events.contracts.jobs.job_types import JobTypeName, Priority, QueueName
from wayside_events.contracts.jobs.jobs import Job
from wayside_events.contracts.jobs.runners import Assignment
from wayside_events.contracts.model import Reply, Request
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Runner, Scope
from wayside_events.jobs import JobMode, Related


def _without_unknown(value: object) -> object:
    if isinstance(value, dict) and (unknown := value.keys() - Related.model_fields.keys()):
        raise PydanticCustomError("extra_forbidden", "Unknown: {unknown}", {"unknown": ", ".join(unknown)})
    return value


RelatedTo = Annotated[
    Related,
    BeforeValidator(_without_unknown),
    WithJsonSchema({**Related.model_json_schema(), "additionalProperties": False}),
]
"""`Related` as a client sends it: unknown fields are refused."""


class JobCreate(Request):
    """A job to create. Absent limits come from the job type.

    While a job with the same `unique_key` (and scope and type) is active, it is returned in place of a new one; with
    `unique_period_seconds` also one that was created within that time, however it ended.
    """

    type: JobTypeName
    scope: Scope
    input: JsonValue = None
    mode: JobMode = JobMode.QUEUED
    queue: QueueName | None = None
    priority: Priority = 5
    run_at: Timestamp | None = None
    max_attempts: int | None = Field(default=None, ge=1, le=100)
    timeout_seconds: float | None = Field(default=None, gt=0, le=30 * 86_400)
    ttl_seconds: float | None = Field(default=None, gt=0, le=10 * 365 * 86_400)
    unique_key: str | None = Field(default=None, min_length=1, max_length=200)
    unique_period_seconds: float | None = Field(default=None, gt=0, le=365 * 86_400)
    session_id: str | None = Field(default=None, min_length=1, max_length=200)
    related: RelatedTo | None = None
    parent_id: Id | None = None
    origin: str | None = Field(default=None, max_length=200)
    runner: Runner | None = None


class CreatedJob(Job):
    """What `POST /v1/jobs` answers: the job, with the assignment that lets a tracked one be run."""

    assignment: Assignment | None = None


class CreateRequest(Request):
    """Create a job for another service or a runner. `created_by` is the user or service on whose behalf."""

    job: JobCreate
    created_by: str = Field(min_length=1, max_length=200)
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=200)
    traceparent: str | None = Field(default=None, max_length=100)


class CreateReply(Reply):
    """`created` is false when the job existed already; `assignment` is there for mode `tracked`.

    `replayed` says that this is the first answer to the same idempotency key, once more.
    """

    job: Job
    created: bool
    replayed: bool = False
    assignment: Assignment | None = None
