"""The facts that changes of a job are told as; everything else an event says is in the job."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

from wayside_events.jobs import (
    JobCanceled,
    JobCancelRequested,
    JobCompleted,
    JobExpired,
    JobFailed,
    JobLogged,
    JobProgressed,
    JobQueued,
    JobStarted,
    LogLevel,
    QueuedReason,
)
from wayside_jobs.domain.logs import LogBounds
from wayside_jobs.domain.values import Json


@dataclass(frozen=True, slots=True)
class LogRow:
    """One log entry with its number; `time` is its runner's."""

    seq: int
    time: datetime
    level: LogLevel
    message: str
    context: Json
    bytes: int = 0
    received_at: datetime | None = None


class NewLines(NamedTuple):
    """Entries for a log, oldest first, and how many before them are lost: those have numbers too."""

    entries: Sequence[LogRow]
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Queued:
    """The job waits, for the first time or again."""

    event_type: ClassVar[str] = JobQueued.event_type()
    reason: QueuedReason


@dataclass(frozen=True, slots=True)
class Started:
    """A runner has the job."""

    event_type: ClassVar[str] = JobStarted.event_type()


@dataclass(frozen=True, slots=True)
class Progressed:
    """The progress, or the partial result, is another one."""

    event_type: ClassVar[str] = JobProgressed.event_type()


@dataclass(frozen=True, slots=True)
class Logged:
    """The log has new entries. With `bounds` it is over them, and its oldest entries are to be dropped."""

    event_type: ClassVar[str] = JobLogged.event_type()
    entries: tuple[LogRow, ...]
    bounds: LogBounds | None = None


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Somebody asked for the running job to end."""

    event_type: ClassVar[str] = JobCancelRequested.event_type()


@dataclass(frozen=True, slots=True)
class Completed:
    """The job ended well."""

    event_type: ClassVar[str] = JobCompleted.event_type()


@dataclass(frozen=True, slots=True)
class Failed:
    """The job ended in error."""

    event_type: ClassVar[str] = JobFailed.event_type()


@dataclass(frozen=True, slots=True)
class Canceled:
    """The job ended on request."""

    event_type: ClassVar[str] = JobCanceled.event_type()


@dataclass(frozen=True, slots=True)
class Expired:
    """The job is deleted."""

    event_type: ClassVar[str] = JobExpired.event_type()


Fact = Queued | Started | Progressed | Logged | CancelRequested | Completed | Failed | Canceled | Expired
