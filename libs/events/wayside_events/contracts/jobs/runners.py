"""What a runner says of itself, and the work it is given."""

from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue

from wayside_events.contracts.jobs.job_types import JobTypeName, JobTypeSpec, QueueName
from wayside_events.contracts.model import Reply, Request
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Runner, Scope
from wayside_events.jobs import JobError, Related


class RegisterRequest(Request):
    """A runner announces itself, the queues it claims from and the job types it serves.

    `tracked_types` are types of which it only tracks operations. It does not describe them: one that nobody has described
    becomes known as a type that is tried once, and what is known of the others stays.
    """

    runner: Runner
    version: str | None = Field(default=None, max_length=100)
    hostname: str | None = Field(default=None, max_length=255)
    pid: int | None = Field(default=None, ge=0, le=2**31 - 1)
    slots: int = Field(default=1, ge=1, le=10_000)
    queues: tuple[QueueName, ...] = Field(default=(), max_length=50)
    job_types: tuple[JobTypeSpec, ...] = Field(default=(), max_length=500)
    tracked_types: tuple[JobTypeName, ...] = Field(default=(), max_length=500)


class RegisterReply(Reply):
    """Registered. The runner says every `beat_seconds` that it lives; one that is silent for longer is shown as lost."""

    server_time: Timestamp
    beat_seconds: float = 10.0


class BeatBody(Request):
    """How a runner is: how many jobs it runs of how many it could, and whether it takes no more or has stopped.

    `abandoned` are handlers besides that heed no cancel and were left alone.
    """

    running: int = Field(default=0, ge=0, le=100_000)
    slots: int = Field(default=1, ge=1, le=10_000)
    abandoned: int = Field(default=0, ge=0, le=100_000)
    is_draining: bool = False
    stopped: bool = False


class BeatRequest(BeatBody):
    """A runner lives; sent every `beat_seconds`, and once with `stopped` at its end. It extends no lease."""

    runner: Runner


class BeatReply(Reply):
    """Noted; when the runner is not `known` (any more) it registers again."""

    known: bool


class WorkerStatus(StrEnum):
    """How a runner is, by the service's clock."""

    ACTIVE = "active"  # takes work
    DRAINING = "draining"  # finishes what it has
    STOPPED = "stopped"  # said goodbye
    LOST = "lost"  # fell silent; its jobs end by their leases


class Worker(Reply):
    """A runner. `busy` and `abandoned` are what it said at its last beat; `running` and `job_ids` are its jobs that the caller may see.

    `job_ids` has the oldest of them, 20 at most. A lost runner's jobs are shown until their leases end. `busy`, `abandoned`,
    `version`, `hostname` and `pid` are for who may see all scopes.
    """

    name: Runner
    status: WorkerStatus
    version: str | None = None
    hostname: str | None = None
    pid: int | None = None
    queues: tuple[str, ...]
    job_types: tuple[str, ...]
    slots: int
    busy: int | None = None
    abandoned: int | None = None
    running: int
    job_ids: tuple[Id, ...]
    registered_at: Timestamp
    seen_at: Timestamp
    stopped_at: Timestamp | None = None


class WorkerPage(Reply):
    """Part of the list of runners, by name; `next_page` is None on the last one."""

    items: tuple[Worker, ...]
    next_page: str | None = None


class ClaimRequest(Request):
    """A runner asks for work of the types it serves. An empty queue parks the request for up to `wait_ms`."""

    runner: Runner
    queues: tuple[QueueName, ...] = Field(min_length=1, max_length=50)
    job_types: tuple[JobTypeName, ...] = Field(min_length=1, max_length=500)
    slots: int = Field(ge=1, le=1_000)
    wait_ms: int = Field(default=0, ge=0, le=60_000)


class AssignedJob(Reply):
    """What a runner needs to know of a job.

    `last_error` is how the attempt before this one ended; there is none when that was given back.
    """

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
    last_error: JobError | None = None


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


class HeldAttempt(Request):
    """An attempt that a runner knows it has."""

    job_id: Id
    attempt: int = Field(ge=1, le=2**31 - 1)


class WithdrawRequest(Request):
    """A runner wants no more work for now: its parked claims, at whatever instance, are answered at once.

    With `held` it says which attempts it has. What else it was given and has never reported on goes to others, and no
    attempt is burnt: its event loop is blocked, so it does not hear of it.
    """

    runner: Runner
    held: tuple[HeldAttempt, ...] | None = Field(default=None, max_length=10_000)


class WithdrawReply(Reply):
    """Noted; the claims themselves are answered, empty or with what they were just given."""


class RunnerPush(Reply):
    """What the jobs service pushes to a runner: cancel was requested for one of its attempts."""

    kind: Literal["cancel"] = "cancel"
    job_id: Id
    attempt: int
