"""What a runner says of an attempt."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue, SkipValidation, TypeAdapter

from wayside_events.contracts.jobs.subjects import LOG_ENTRIES_LIMIT
from wayside_events.contracts.model import Reply, Request
from wayside_events.contracts.problems import Problem
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Id, Runner
from wayside_events.jobs import JobError, LogLevel, Progress

_Parsed = SkipValidation[JsonValue]
"""What a JSON parser returned: to check it again, value by value, costs more than all the rest of a report."""


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
    partial: _Parsed = None


class LogLine(Request):
    """One log entry as a runner sends it; the service numbers it, and cuts one that is too long.

    A message keeps `LOG_MESSAGE_LIMIT` characters; a context of more than 64 KiB is replaced by a note.
    """

    time: Timestamp
    level: LogLevel = LogLevel.INFO
    message: str
    context: dict[str, JsonValue] = Field(default_factory=dict)


class LogReport(_Report):
    """Log entries, oldest first. `dropped` is how many before them the runner could not keep until they were sent."""

    kind: Literal["log"] = "log"
    entries: tuple[LogLine, ...] = Field(min_length=1, max_length=LOG_ENTRIES_LIMIT)
    dropped: int = Field(default=0, ge=0, le=2**31 - 1)


class CompleteReport(_Report):
    """The handler returned `result`."""

    kind: Literal["complete"] = "complete"
    result: _Parsed = None
    metrics: dict[str, _Parsed] | None = None


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
_Discriminated = Annotated[Report, Field(discriminator="kind")]
REPORT: TypeAdapter[Report] = TypeAdapter(_Discriminated)
REPORTS: TypeAdapter[list[Report]] = TypeAdapter(list[_Discriminated])


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
