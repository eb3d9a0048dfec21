"""Shapes of the jobs service: job types, jobs, and the runner protocol (`wayside.jobs.v1.*`)."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue, TypeAdapter, WithJsonSchema
from pydantic_core import PydanticCustomError

from wayside_events.contracts.model import Reply, Request
from wayside_events.contracts.problems import Problem
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Runner, Scope
from wayside_events.jobs import JobError, JobMode, JobStatus, LogEntry, LogLevel, Progress, Related

SUBJECT_PREFIX = "wayside.jobs.v1."
REGISTER_SUBJECT = SUBJECT_PREFIX + "register"
CLAIM_SUBJECT = SUBJECT_PREFIX + "claim"
WITHDRAW_SUBJECT = SUBJECT_PREFIX + "withdraw"
REPORT_SUBJECT = SUBJECT_PREFIX + "report"
CREATE_SUBJECT = SUBJECT_PREFIX + "create"
GET_SUBJECT = SUBJECT_PREFIX + "get"
CANCEL_SUBJECT = SUBJECT_PREFIX + "cancel"
WAKE_SUBJECT = "wayside.jobs.wake"

PAYLOAD_LIMIT_BYTES = 256 * 1024
"""The largest input, result or partial result, as encoded JSON."""

LOG_MESSAGE_LIMIT = 16_384
LOG_ENTRIES_LIMIT = 1_000


def runner_subject(runner: str) -> str:
    """Return the subject on which the jobs service pushes to one runner."""
    return f"{SUBJECT_PREFIX}runner.{runner}"


JobTypeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,99}$")]
QueueName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Priority = Annotated[int, Field(ge=0, le=9)]
"""9 is the most urgent."""


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
    """The registry entry of one job type; workers register what they serve, the last registration counts."""

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
    concurrency_limit: int | None = Field(default=None, ge=1, le=100_000)
    ttl_seconds: float | None = Field(default=None, gt=0, le=10 * 365 * 86_400)
    resource_link: str | None = Field(default=None, max_length=500)
    input_schema: dict[str, JsonValue] | None = None
    result_schema: dict[str, JsonValue] | None = None


class RegisterRequest(Request):
    """A runner announces itself and the job types it serves."""

    runner: Runner
    version: str | None = Field(default=None, max_length=100)
    slots: int = Field(default=1, ge=1, le=10_000)
    job_types: tuple[JobTypeSpec, ...] = Field(default=(), max_length=500)


class RegisterReply(Reply):
    """Registered; a runner that is silent for longer than its leases is considered lost."""

    server_time: Timestamp


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
    """A job to create. Absent limits come from the job type."""

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
    session_id: str | None = Field(default=None, min_length=1, max_length=200)
    related: RelatedTo | None = None
    parent_id: Id | None = None
    origin: str | None = Field(default=None, max_length=200)
    runner: Runner | None = None


class CancelDetails(Reply):
    """A cancel of a job: requested, then acknowledged by its runner or forced after the grace period."""

    state: Literal["requested", "acknowledged", "forced"]
    requested_by: str
    requested_at: Timestamp
    reason: str | None = None
    deadline: Timestamp | None = None


class Job(Reply):
    """A job as every reader sees it. Times are UTC; `duration_seconds` is of the last attempt."""

    id: Id
    scope: Scope
    type: str
    status: JobStatus
    revision: int
    mode: JobMode
    queue: str
    priority: int
    attempt: int
    max_attempts: int
    progress: Progress
    partial: JsonValue = None
    input: JsonValue = None
    result: JsonValue = None
    error: JobError | None = None
    metrics: dict[str, JsonValue] | None = None
    cancel: CancelDetails | None = None
    session_id: str | None = None
    related: Related | None = None
    parent_id: Id | None = None
    root_id: Id | None = None
    retry_of: Id | None = None
    unique_key: str | None = None
    created_by: str
    origin: str | None = None
    runner: str | None = None
    created_at: Timestamp
    updated_at: Timestamp
    run_at: Timestamp | None = None
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    lease_expires_at: Timestamp | None = None
    expires_at: Timestamp | None = None
    duration_seconds: float | None = None


class ClaimRequest(Request):
    """A runner asks for work of the types it serves. An empty queue parks the request for up to `wait_ms`."""

    runner: Runner
    queues: tuple[QueueName, ...] = Field(min_length=1, max_length=50)
    job_types: tuple[JobTypeName, ...] = Field(min_length=1, max_length=500)
    slots: int = Field(ge=1, le=1_000)
    wait_ms: int = Field(default=0, ge=0, le=60_000)


class AssignedJob(Reply):
    """What a runner needs to know of a job."""

    id: Id
    scope: Scope
    type: str
    input: JsonValue = None
    queue: str
    priority: int
    max_attempts: int
    session_id: str | None = None
    related: Related | None = None
    parent_id: Id | None = None
    root_id: Id | None = None
    created_by: str
    created_at: Timestamp
    traceparent: str | None = None


class Assignment(Reply):
    """One attempt given to one runner. `token` is secret: whoever reports must show it.

    The runner reports, if only a heartbeat, within every `lease_seconds`; the attempt ends after `timeout_seconds`.
    """

    job: AssignedJob
    attempt: int
    token: str
    lease_seconds: float
    timeout_seconds: float | None = None
    cancel_grace_seconds: float = 30.0


class ClaimReply(Reply):
    """The attempts this runner now owns; empty when nothing arrived in time."""

    assignments: tuple[Assignment, ...]


class WithdrawRequest(Request):
    """A runner that shuts down wants no more work: its parked claims, at whatever instance, are answered at once."""

    runner: Runner


class WithdrawReply(Reply):
    """Noted; the claims themselves are answered, empty or with what they were just given."""


class _Report(Request):
    job_id: Id
    attempt: int = Field(ge=1)
    token: str = Field(min_length=1, max_length=100)
    seq: int = Field(ge=1, le=2**63 - 1)


class HeartbeatReport(_Report):
    """The runner is alive; nothing else changed."""

    kind: Literal["heartbeat"] = "heartbeat"


class ProgressReport(_Report):
    """The progress as it now is; fields left out keep their last value."""

    kind: Literal["progress"] = "progress"
    progress: Progress
    partial: JsonValue = None


class LogLine(Request):
    """One log entry as a runner sends it; the service numbers it."""

    time: Timestamp
    level: LogLevel = LogLevel.INFO
    message: str = Field(max_length=LOG_MESSAGE_LIMIT)
    context: dict[str, JsonValue] = Field(default_factory=dict)


class LogReport(_Report):
    """Log entries, oldest first."""

    kind: Literal["log"] = "log"
    entries: tuple[LogLine, ...] = Field(min_length=1, max_length=LOG_ENTRIES_LIMIT)


class CompleteReport(_Report):
    """The handler returned `result`."""

    kind: Literal["complete"] = "complete"
    result: JsonValue = None
    metrics: dict[str, JsonValue] | None = None


class FailReport(_Report):
    """The handler raised; `error.retryable` says whether another attempt makes sense."""

    kind: Literal["fail"] = "fail"
    error: JobError


class ReleaseReport(_Report):
    """The runner shuts down and gives the job back; no attempt is burnt."""

    kind: Literal["release"] = "release"


class AcknowledgeCancelReport(_Report):
    """The handler has stopped because cancel was requested."""

    kind: Literal["acknowledge_cancel"] = "acknowledge_cancel"


Report = (
    HeartbeatReport
    | ProgressReport
    | LogReport
    | CompleteReport
    | FailReport
    | ReleaseReport
    | AcknowledgeCancelReport
)
"""One thing a runner says about one attempt. `seq` grows within the attempt; a repeat is harmless."""

REPORT: TypeAdapter[Report] = TypeAdapter(Annotated[Report, Field(discriminator="kind")])


class ReportRequest(Request):
    """A batch of reports. Each is validated alone (`REPORT`), so that a malformed one never blocks the others."""

    runner: Runner
    reports: tuple[JsonValue, ...] = Field(min_length=1, max_length=1_000)


class Outcome(StrEnum):
    """What became of one report."""

    ACCEPTED = "accepted"  # applied
    STALE = "stale"  # applied before: a repeat
    FENCED = "fenced"  # the attempt is over or belongs to somebody else: stop working on it
    INVALID = "invalid"  # malformed, too large, or not possible in the job's state; see `problem`


class ReportOutcome(Reply):
    """The answer to one report, in the order of the request."""

    job_id: str | None = None
    outcome: Outcome
    revision: int | None = None
    cancel_requested: bool = False
    problem: Problem | None = None


class ReportReply(Reply):
    """One outcome per report."""

    outcomes: tuple[ReportOutcome, ...]


class CreateRequest(Request):
    """Create a job for another service or a runner. `created_by` is the user or service on whose behalf."""

    job: JobCreate
    created_by: str = Field(min_length=1, max_length=200)
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=200)
    traceparent: str | None = Field(default=None, max_length=100)


class CreateReply(Reply):
    """`created` is false when the job existed already; `assignment` is there for mode `tracked`."""

    job: Job
    created: bool
    assignment: Assignment | None = None


class GetRequest(Request):
    """Read one job of a scope."""

    scope: Scope
    job_id: Id


class CancelRequest(Request):
    """Ask for a job to end."""

    scope: Scope
    job_id: Id
    requested_by: str = Field(min_length=1, max_length=200)
    reason: str | None = Field(default=None, max_length=1_000)


class JobReply(Reply):
    """The job as it now is."""

    job: Job


class CancelBody(Request):
    """What `POST /v1/jobs/{id}/cancel` takes."""

    reason: str | None = Field(default=None, max_length=1_000)


class JobPage(Reply):
    """Part of a list of jobs, without their inputs, partial and final results; `next_page` is None on the last one."""

    items: tuple[Job, ...]
    next_page: str | None = None


class JobLogPage(Reply):
    """Part of a job's log, oldest first. `dropped` counts entries that the log's limit pushed out."""

    items: tuple[LogEntry, ...]
    next_page: str | None = None
    dropped: int = 0


class JobTypePage(Reply):
    """Part of the registry, by name."""

    items: tuple[JobTypeSpec, ...]
    next_page: str | None = None


class RunnerPush(Reply):
    """What the jobs service pushes to a runner: cancel was requested for one of its attempts."""

    kind: Literal["cancel"] = "cancel"
    job_id: Id
    attempt: int
