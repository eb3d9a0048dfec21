"""The registry of job types."""

from typing import Annotated

from pydantic import Field, JsonValue

from wayside_events.contracts.model import Reply, Request

JobTypeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,99}$")]
QueueName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Priority = Annotated[int, Field(ge=0, le=9)]
"""9 is the most urgent."""
ConcurrencyLimit = Annotated[int, Field(ge=1, le=100_000)]
"""How many jobs may run at once. Exact over all instances; tracked jobs count, and are never refused."""


class Capabilities(Request):
    """What a user may do with jobs of a type."""

    cancel: bool = True
    retry: bool = True
    throttle: bool = False


class Backoff(Request):
    """Delay before attempt n + 1: `initial_seconds * factor ** (n - 1)`, at most `max_seconds`, ± `jitter` of it."""

    initial_seconds: float = Field(default=5.0, ge=0, le=86_400)
    factor: float = Field(default=2.0, ge=1, le=10)
    max_seconds: float = Field(default=600.0, ge=0, le=7 * 86_400)
    jitter: float = Field(default=0.2, ge=0, le=1)


class JobTypeSpec(Request):
    """The registry entry of one job type; workers register what they serve, the last registration counts.

    For who shows jobs: `related_type` is what its jobs are about, as they say in `related.type`; `has_children` that they
    create others; `completed_message` and `failed_message` what to tell somebody whose job has ended. Messages and
    `resource_link` may have fields of the job in braces, as `{related.id}`; messages also `{label}`, `failed_message`
    also `{error.message}`.
    """

    name: JobTypeName
    label: str | None = Field(default=None, max_length=100)
    icon: str | None = Field(default=None, max_length=50)
    color: str | None = Field(default=None, max_length=50)
    description: str | None = Field(default=None, max_length=2_000)
    queue: QueueName = "default"
    phases: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(default=(), max_length=50)
    capabilities: Capabilities = Capabilities()
    timeout_seconds: float | None = Field(default=None, gt=0, le=30 * 86_400)
    lease_seconds: float = Field(default=30.0, ge=1, le=3_600)
    cancel_grace_seconds: float = Field(default=30.0, ge=0, le=3_600)
    max_attempts: int = Field(default=3, ge=1, le=100)
    backoff: Backoff = Backoff()
    concurrency_limit: ConcurrencyLimit | None = None
    concurrency_limit_per_scope: ConcurrencyLimit | None = None
    ttl_seconds: float | None = Field(default=None, gt=0, le=10 * 365 * 86_400)
    resource_link: str | None = Field(default=None, max_length=500)
    related_type: str | None = Field(default=None, min_length=1, max_length=100)
    has_children: bool = False
    completed_message: str | None = Field(default=None, min_length=1, max_length=500)
    failed_message: str | None = Field(default=None, min_length=1, max_length=500)
    input_schema: dict[str, JsonValue] | None = None
    result_schema: dict[str, JsonValue] | None = None


class JobTypePage(Reply):
    """Part of the registry, by name."""

    items: tuple[JobTypeSpec, ...]
    next_page: str | None = None
