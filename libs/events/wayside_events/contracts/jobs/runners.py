"""What a runner says of itself, and the work it is given."""

from typing import Literal

from pydantic import Field, JsonValue

from wayside_events.contracts.jobs.job_types import JobTypeName, JobTypeSpec, QueueName
from wayside_events.contracts.model import Reply, Request
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Runner, Scope
from wayside_events.jobs import Related


class RegisterRequest(Request):
    """A runner announces itself and the job types it serves."""

    runner: Runner
    version: str | None = Field(default=None, max_length=100)
    slots: int = Field(default=1, ge=1, le=10_000)
    job_types: tuple[JobTypeSpec, ...] = Field(default=(), max_length=500)


class RegisterReply(Reply):
    """Registered; a runner that is silent for longer than its leases is considered lost."""

    server_time: Timestamp


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


class RunnerPush(Reply):
    """What the jobs service pushes to a runner: cancel was requested for one of its attempts."""

    kind: Literal["cancel"] = "cancel"
    job_id: Id
    attempt: int
