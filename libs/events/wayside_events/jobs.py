"""Events of jobs: `analysis.job.*`."""

from enum import StrEnum
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from wayside_events.envelope import Data, Event, Timestamp
from wayside_events.identifiers import EntityId, Id


class JobStatus(StrEnum):
    """Where a job is; the last three are terminal and final."""

    QUEUED = "queued"  # waiting for a runner, or for `run_at`
    RUNNING = "running"  # one runner holds the lease of the current attempt
    COMPLETED = "completed"  # the handler returned
    FAILED = "failed"  # an error that is not, or no longer, retried
    CANCELED = "canceled"  # ended on request


class JobMode(StrEnum):
    """Who runs a job."""

    QUEUED = "queued"  # a worker claims it
    TRACKED = "tracked"  # the process that created it runs it itself


class QueuedReason(StrEnum):
    """Why a job waits in its queue (again)."""

    CREATED = "created"  # first time
    FAILED = "failed"  # a retryable error, attempts left
    LOST = "lost"  # the runner fell silent
    TIMEOUT = "timeout"  # the attempt ran too long
    RELEASED = "released"  # the runner shut down; burns no attempt


class LogLevel(StrEnum):
    """Severity of a log entry."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Fact(BaseModel):
    """A frozen part of an event."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Related(Fact):
    """The thing in the user's product that a job is about."""

    type: str = Field(min_length=1, max_length=100)
    id: str = Field(min_length=1, max_length=200)


class JobError(Fact):
    """Why an attempt or a job failed.

    `code` is stable (`error`, `lost`, `timeout`, `released`, or the handler's own); `type` is the exception class.
    """

    code: str = Field(min_length=1, max_length=100)
    message: str = Field(max_length=10_000)
    type: str | None = Field(default=None, max_length=200)
    retryable: bool = True
    details: dict[str, JsonValue] | None = None


class PercentSource(StrEnum):
    """Where a percentage comes from that the handler has not said itself."""

    COUNTS = "counts"  # what it said of `current` and `total`
    CHILDREN = "children"  # the mean of its children


class Children(Fact):
    """How many children a job has in each status; `percent` is their mean, of which one that has ended is all done."""

    total: int = Field(ge=0)
    queued: int = Field(ge=0)
    running: int = Field(ge=0)
    completed: int = Field(ge=0)
    failed: int = Field(ge=0)
    canceled: int = Field(ge=0)
    percent: float = Field(ge=0, le=100)


class Progress(Fact):
    """How far an attempt is. `percent` never goes back within an attempt and stays below 100 until it completes.

    The service adds `children`, where there are some, and says in `percent_source` when it derived the percentage.
    """

    percent: float | None = Field(default=None, ge=0, le=100)
    phase: str | None = Field(default=None, max_length=200)
    step: str | None = Field(default=None, max_length=200)
    current: float | None = None
    total: float | None = Field(default=None, ge=0)
    unit: str | None = Field(default=None, max_length=50)
    message: str | None = Field(default=None, max_length=2_000)
    percent_source: PercentSource | None = None
    children: Children | None = None


class LogEntry(Fact):
    """One line of a job's log; `seq` grows within the job, and leaves out the numbers of lines that were lost."""

    seq: int = Field(ge=1)
    time: Timestamp
    level: LogLevel
    message: str
    context: dict[str, JsonValue] = Field(default_factory=dict)


class JobData(Data):
    """What every event of a job says."""

    job_id: Id
    job_type: str
    attempt: int = Field(ge=0)
    session_id: str | None = None
    root_id: Id | None = None

    @property
    def entity_id(self) -> EntityId:
        """The job."""
        return self.job_id


class JobLifecycleData(JobData):
    """What every event says that changes a job's status: enough to show a toast without asking again."""

    status: JobStatus
    queue: str
    mode: JobMode
    parent_id: Id | None = None
    related: Related | None = None
    created_by: str | None = None


class JobQueuedData(JobLifecycleData):
    """A job waits in its queue; `error` says why the last attempt ended when this is not the first time."""

    status: Literal[JobStatus.QUEUED] = JobStatus.QUEUED
    reason: QueuedReason
    priority: int
    max_attempts: int
    run_at: Timestamp | None = None
    retry_of: Id | None = None
    error: JobError | None = None


class JobStartedData(JobLifecycleData):
    """A runner has the job."""

    status: Literal[JobStatus.RUNNING] = JobStatus.RUNNING
    runner: str


class JobProgressData(JobData):
    """The whole progress as it now is, not the difference; `partial` is a partial result."""

    progress: Progress
    partial: JsonValue = None


class JobLogData(JobData):
    """New log entries, oldest first; `dropped` counts older ones that the job's log limit pushed out so far."""

    entries: tuple[LogEntry, ...]
    dropped: int = 0


class JobCancelRequestedData(JobLifecycleData):
    """Somebody asked for a running job to stop; the runner has until `deadline` to acknowledge."""

    status: Literal[JobStatus.RUNNING] = JobStatus.RUNNING
    requested_by: str
    reason: str | None = None
    deadline: Timestamp


class JobCompletedData(JobLifecycleData):
    """The handler returned `result`."""

    status: Literal[JobStatus.COMPLETED] = JobStatus.COMPLETED
    result: JsonValue = None
    metrics: dict[str, JsonValue] | None = None
    duration_seconds: float


class JobFailedData(JobLifecycleData):
    """No attempt is left, or the error is not retryable."""

    status: Literal[JobStatus.FAILED] = JobStatus.FAILED
    error: JobError
    duration_seconds: float | None = None


class JobCanceledData(JobLifecycleData):
    """The job ended on request; `forced` when the runner did not acknowledge within the grace period."""

    status: Literal[JobStatus.CANCELED] = JobStatus.CANCELED
    requested_by: str
    reason: str | None = None
    forced: bool = False
    duration_seconds: float | None = None


class JobExpiredData(JobLifecycleData):
    """A finished job was deleted because its time to live ended; `status` is the one it had."""


D = TypeVar("D", bound=JobData)


class JobEvent(Event[D], Generic[D]):
    """Any event of a job."""

    SOURCE: ClassVar[str] = "/wayside/jobs"


class JobQueued(JobEvent[JobQueuedData]):
    """A job was created, or waits for another attempt."""

    type: Literal["analysis.job.queued"] = "analysis.job.queued"


class JobStarted(JobEvent[JobStartedData]):
    """A runner claimed a job, or a tracked job began."""

    type: Literal["analysis.job.started"] = "analysis.job.started"


class JobProgressed(JobEvent[JobProgressData]):
    """A running job reported progress; a newer one supersedes it."""

    type: Literal["analysis.job.progress"] = "analysis.job.progress"


class JobLogged(JobEvent[JobLogData]):
    """A running job wrote log entries."""

    type: Literal["analysis.job.log"] = "analysis.job.log"


class JobCancelRequested(JobEvent[JobCancelRequestedData]):
    """Cancel of a running job was requested and recorded."""

    type: Literal["analysis.job.cancel_requested"] = "analysis.job.cancel_requested"


class JobCompleted(JobEvent[JobCompletedData]):
    """A job ended well. Terminal."""

    type: Literal["analysis.job.completed"] = "analysis.job.completed"


class JobFailed(JobEvent[JobFailedData]):
    """A job ended in error. Terminal."""

    type: Literal["analysis.job.failed"] = "analysis.job.failed"


class JobCanceled(JobEvent[JobCanceledData]):
    """A job was canceled. Terminal."""

    type: Literal["analysis.job.canceled"] = "analysis.job.canceled"


class JobExpired(JobEvent[JobExpiredData]):
    """A finished job was deleted."""

    type: Literal["analysis.job.expired"] = "analysis.job.expired"
