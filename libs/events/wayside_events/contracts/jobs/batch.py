"""Many jobs to create at once."""

from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, JsonValue, SkipValidation, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from wayside_events.contracts.jobs.creating import JobCreate
from wayside_events.contracts.model import Reply, Request
from wayside_events.contracts.problems import Problem
from wayside_events.identifiers import Id

BATCH_JOBS_LIMIT = 1_000


class BatchItem(JobCreate):
    """A job of a batch, always of mode `queued`. With a key of its own a repeat is harmless, whatever the batch."""

    input: SkipValidation[JsonValue] = None
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=200)


class _ShownAsItem:
    """Any value is taken; the schema says what it should be."""

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(BatchItem.__pydantic_core_schema__)


RawItem = Annotated[Any, _ShownAsItem()]
"""What should be a `BatchItem`. Each is validated alone, so that a malformed one never blocks the others."""

BATCH_ITEM: TypeAdapter[BatchItem] = TypeAdapter(BatchItem)
BATCH_ITEMS: TypeAdapter[list[BatchItem]] = TypeAdapter(list[BatchItem])


class BatchBody(Request):
    """What `POST /v1/jobs/batch` takes."""

    jobs: tuple[RawItem, ...] = Field(min_length=1, max_length=BATCH_JOBS_LIMIT)


class CreateManyRequest(BatchBody):
    """Create jobs for another service or a runner. `created_by` is the user or service on whose behalf.

    `idempotency_key` stands for a key per job: itself, `/` and the job's place in the batch.
    """

    created_by: str = Field(min_length=1, max_length=200)
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=200)
    traceparent: str | None = Field(default=None, max_length=100)


class CreateOutcome(Reply):
    """What became of one job of a batch: its id, and whether it is new; or why it was refused.

    `replayed` says that this is the first answer to the same idempotency key, once more. A `problem` of status 503
    refuses nothing: send the job again with the same key.
    """

    index: int
    job_id: Id | None = None
    created: bool = False
    replayed: bool = False
    problem: Problem | None = None


class CreateManyReply(Reply):
    """One outcome per job, in their order."""

    outcomes: tuple[CreateOutcome, ...]
