"""Jobs as every reader sees them."""

from typing import Literal

from pydantic import JsonValue

from wayside_events.contracts.model import Reply, Request
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Scope
from wayside_events.jobs import Children, JobError, JobMode, JobStatus, LogEntry, Progress, Related


class CancelDetails(Reply):
    """A cancel of a job: requested, then acknowledged by its runner or forced after the grace period."""

    state: Literal["requested", "acknowledged", "forced"]
    requested_by: str
    requested_at: Timestamp
    reason: str | None = None
    deadline: Timestamp | None = None


class Links(Reply):
    """Where related things are: paths of this API; `resource` is the product's own page, as the job type has it."""

    self: str
    events: str
    logs: str
    children: str | None = None
    parent: str | None = None
    root: str | None = None
    retry_of: str | None = None
    retried_by: str | None = None
    resource: str | None = None


class Job(Reply):
    """A job as every reader sees it. Times are UTC; `duration_seconds` is of the last attempt.

    An attempt may take `timeout_seconds`, a running one until `timeout_at`.

    `child_count` is how many children it ever had, those deleted since too; `children` counts those there are.

    `eta` is when a running job may be done if it goes on as it did. `children` is there in the answer to a request for
    one job; lists have the number of children only, and in `progress.children` what was last told of them.
    """

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
    timeout_seconds: float | None = None
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
    depth: int = 0
    log_entries: int = 0
    log_dropped: int = 0
    child_count: int = 0
    children: Children | None = None
    retry_of: Id | None = None
    retried_by: Id | None = None
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
    timeout_at: Timestamp | None = None
    expires_at: Timestamp | None = None
    duration_seconds: float | None = None
    eta: Timestamp | None = None
    links: Links | None = None


class GetRequest(Request):
    """Read one job of a scope."""

    scope: Scope
    job_id: Id


class JobReply(Reply):
    """The job as it now is."""

    job: Job


class JobPage(Reply):
    """Part of a list of jobs, without their inputs, partial and final results; `next_page` is None on the last one."""

    items: tuple[Job, ...]
    next_page: str | None = None


class StoredLogEntry(LogEntry):
    """One line of a job's log. `time` is its runner's; `received_at` is the server's, which alone orders runners."""

    received_at: Timestamp | None = None


class JobLogPage(Reply):
    """Part of a job's log, oldest first.

    `dropped` counts entries that the log's limit pushed out, or that the runner wrote faster than they could be sent.
    """

    items: tuple[StoredLogEntry, ...]
    next_page: str | None = None
    dropped: int = 0
