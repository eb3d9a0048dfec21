"""The record beside an operation: how it is asked for, what is said at the end, and what its user sees of it."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypedDict, Unpack
from uuid import uuid4

from wayside.errors import JobCanceled, Stop
from wayside.progress import JobLog, Operation, ProgressFields
from wayside.reporting.attempt import Attempt
from wayside.reporting.encoding import NotJson, TooLarge, json_value
from wayside.tracking.tracker import Tracker
from wayside.worker.conclusion import failure, traceback_of
from wayside_events.contracts.jobs import CreateRequest, JobCreate
from wayside_events.identifiers import EntityId, parse_scope
from wayside_events.jobs import JobError, JobMode, LogLevel, Related

logger = logging.getLogger("wayside.tracking")


class TrackOptions(TypedDict, total=False):
    """What may be said of a tracked operation beside its type, scope and input; see `JobCreate`."""

    session_id: str
    related: Related
    parent_id: EntityId
    unique_key: str
    unique_period_seconds: float
    origin: str
    timeout_seconds: float
    ttl_seconds: float


class TrackedJob(Operation):
    """A running operation and its record. Set `result`, and `metrics`, before the block ends."""

    result: object = None
    metrics: Mapping[str, object] | None = None

    @property
    def id(self) -> EntityId | None:
        """The job's id; `None` as long as Wayside could not be reached."""
        return self._attempt.granted.job_id if self._attempt.grant else None

    @property
    def is_tracked(self) -> bool:
        """Whether there is a record by now."""
        return self._attempt.grant is not None

    def check(self) -> None:
        """Raise `JobCanceled` when a user asked for the job to end, `TimeoutError` when its time is over."""
        match self._attempt.stop_reason:
            case Stop.CANCEL:
                raise JobCanceled(self.id)
            case Stop.TIMEOUT:
                raise TimeoutError


class SyncTrackedJob(TrackedJob):
    """A tracked operation that nothing can interrupt: it is told to end at its next call here.

    `JobCanceled`, or `TimeoutError`, is raised once by `progress` and `log`, so that both work again while the operation
    cleans up, and by `check` each time. `cancel_requested` says it without raising.
    """

    def __init__(self, attempt: Attempt, timeout_seconds: float | None) -> None:
        super().__init__(attempt)
        self._ends_at = time.monotonic() + timeout_seconds if timeout_seconds else None
        self._was_told = False

    def check(self) -> None:
        """Raise `JobCanceled` when a user asked for the job to end, `TimeoutError` when its time is over."""
        if self._ends_at is not None and time.monotonic() > self._ends_at:
            self._attempt.stop(Stop.TIMEOUT)
        try:
            super().check()
        except BaseException:
            self._was_told = True
            raise

    def progress(self, percent: float | None = None, **fields: Unpack[ProgressFields]) -> None:
        """Say how far it is; see `Operation.progress`."""
        self._check_once()
        super().progress(percent, **fields)

    def _check_once(self) -> None:
        if not self._was_told:
            self.check()

    def _new_log(self) -> JobLog:
        return _CheckedLog(self._attempt, self._check_once)


class _CheckedLog(JobLog):
    def __init__(self, attempt: Attempt, check: Callable[[], None]) -> None:
        super().__init__(attempt)
        self._check = check

    def _write(self, level: LogLevel, message: str, context: dict[str, object]) -> None:
        self._check()
        super()._write(level, message, context)


class Wanted(TypedDict):
    """Which job `track` was asked for."""

    job_type: str
    scope: str
    input: object
    created_by: str | None
    options: TrackOptions


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be tracked, and how."""

    tracker: Tracker
    wanted: Wanted
    is_required: bool

    @property
    def timeout_seconds(self) -> float | None:
        """How long the operation may run."""
        return self.wanted["options"].get("timeout_seconds")

    def request(self) -> CreateRequest:
        """The request for a record; raises what says that it cannot be one."""
        wanted = self.wanted
        job = JobCreate(
            type=wanted["job_type"],
            scope=parse_scope(wanted["scope"]),
            input=json_value(wanted["input"], "input"),
            mode=JobMode.TRACKED,
            **wanted["options"],
        )
        creator = wanted["created_by"] or self.tracker.settings.name
        return CreateRequest(job=job, created_by=creator, idempotency_key=str(uuid4()))


class Ending:
    """Says how an operation ended; whatever goes wrong with that is not the caller's."""

    def __init__(self, job: TrackedJob, attempt: Attempt, timeout_seconds: float | None) -> None:
        self._job = job
        self._attempt = attempt
        self._timeout_seconds = timeout_seconds

    def conclude(self, error: BaseException | None) -> None:
        """The operation returned, or raised `error`."""
        try:
            self._say(error)
        except Exception:
            logger.exception("the end of an operation could not be described")
            self._fail("error", "the end of the operation could not be described")

    def _say(self, error: BaseException | None) -> None:
        """As a worker has it, an exception of an operation that was asked to end is taken to be its end."""
        attempt = self._attempt
        is_own = isinstance(error, JobCanceled) and attempt.stop_reason is Stop.CANCEL
        if isinstance(error, Exception) and not is_own:
            attempt.log(LogLevel.ERROR, traceback_of(error), {})
        match error:
            case None:
                self._complete()
            case BaseException() if attempt.stop_reason is Stop.CANCEL and _is_end(error):
                attempt.acknowledge_cancel()
            case BaseException() if attempt.stop_reason is Stop.TIMEOUT and _is_end(error):
                self._fail("timeout", f"the operation ran longer than {self._timeout_seconds:g} s")
            case Exception():
                attempt.fail(failure(error).model_copy(update={"retryable": False}))
            case asyncio.CancelledError():
                self._fail(
                    "interrupted",
                    "the operation was cancelled with its task: its client left, or its process ends",
                )
            case _:
                self._fail("interrupted", f"the process ended the operation: {type(error).__name__}")

    def _fail(self, code: str, message: str) -> None:
        self._attempt.fail(JobError(code=code, message=message, retryable=False))

    def _complete(self) -> None:
        """A result that cannot be kept is no reason to call an operation failed that its caller saw succeed."""
        try:
            result = json_value(self._job.result, "result")
        except (NotJson, TooLarge) as error:
            self._attempt.log(LogLevel.ERROR, f"the result was left out: {error}", {})
            result = None
        metrics: object = self._job.metrics
        if not isinstance(metrics, Mapping | None):
            self._attempt.log(LogLevel.ERROR, "the metrics were left out: they are no mapping", {})
        self._attempt.complete(result, metrics if isinstance(metrics, Mapping) else None)


def _is_end(error: BaseException) -> bool:
    return isinstance(error, asyncio.CancelledError | Exception)
