"""What can go wrong in the SDK, and what a handler raises to say how it failed."""

from collections.abc import Mapping
from enum import StrEnum

from wayside_events.contracts.jobs import Job
from wayside_events.contracts.problems import Problem
from wayside_events.jobs import JobError

TRANSIENT = (408, 429)
"""Statuses below 500 of refusals that are no verdict on the request."""

UNKNOWN_JOB_TYPE = "unknown_job_type"


class WaysideError(Exception):
    """Base of all errors of the SDK."""


class NonRetryable(Exception):
    """Raised by a handler: the job has failed, another attempt would not help.

    `code` is stable and lower case, `details` are for whoever reads the job and become JSON.
    """

    def __init__(
        self, message: str, *, code: str = "error", details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class Stop(StrEnum):
    """Why a handler is asked to end before it is done; a later member outweighs an earlier one."""

    SHUTDOWN = "shutdown"  # the worker ends; the job goes to another one
    TIMEOUT = "timeout"  # the attempt ran longer than it may
    CANCEL = "cancel"  # a user asked for it
    FENCED = "fenced"  # the attempt belongs to somebody else by now; nothing it reports counts

    def outweighs(self, other: "Stop | None") -> bool:
        """Whether this reason takes the place of one that was given before."""
        order = list(Stop)
        return other is None or order.index(self) > order.index(other)


class HandlerStopped(BaseException):
    """Raised in a synchronous handler at its next call of the context, once, after `stop` was asked for.

    No `Exception`, for the same reason as `asyncio.CancelledError`: a handler's own error handling shall not swallow it.
    """

    def __init__(self, stop: Stop) -> None:
        super().__init__(f"the handler was asked to end: {stop}")
        self.stop = stop


class JobCanceled(WaysideError):
    """A tracked operation ended because somebody canceled its job."""

    def __init__(self, job_id: str | None) -> None:
        super().__init__(f"job {job_id} was canceled")
        self.job_id = job_id


class ChildFailed(WaysideError):
    """A child that a handler waited for has failed; `error` says why.

    `is_final` says that another attempt of the parent would see it fail again: the error is not retryable, or the child,
    spawned with a `key`, is the same one then.
    """

    def __init__(self, job_id: str, error: JobError | None, *, is_lasting: bool = False) -> None:
        super().__init__(f"child {job_id} failed: {error.code}: {error.message}" if error else job_id)
        self.job_id = job_id
        self.error = error
        self.is_final = is_lasting or (error is not None and not error.retryable)


class ChildCanceled(ChildFailed):
    """A child that a handler waited for was canceled."""

    def __init__(self, job_id: str, error: JobError | None, *, is_lasting: bool = False) -> None:
        super().__init__(job_id, error, is_lasting=is_lasting)
        self.args = (f"child {job_id} was canceled",)


class AlreadyTracked(WaysideError):
    """The operation runs already: `job` has the same unique key."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"job {job.id} is {job.status} under the same unique key")
        self.job = job


class InvalidHandler(WaysideError):
    """A function cannot serve a job type."""


class Unavailable(WaysideError):
    """Wayside cannot be reached, or is not ready; trying again later makes sense."""


class ProblemError(WaysideError):
    """The service refused a request; `problem` says why."""

    def __init__(self, problem: Problem, *, retry_after_seconds: float | None = None) -> None:
        said = [
            f"{error.field}: {error.message}"
            for error in problem.errors
            if error.message not in problem.detail
        ]
        text = " ".join([problem.detail, *said])
        super().__init__(f"{problem.code}: {text}")
        self.problem = problem
        self.retry_after_seconds = retry_after_seconds
        self.is_of_repeat = False
        """Whether the request was sent before, and may have been carried out then without an answer."""

    @property
    def is_final(self) -> bool:
        """Whether the same request would be refused again."""
        return self.problem.status < 500 and self.problem.status not in TRANSIENT


class InvalidRequest(ProblemError):
    """The request is malformed, or a field is at fault (400, 413, 415, 422)."""


class UnknownJobType(InvalidRequest):
    """No worker has registered the job type (422). It may do so yet: the same request may be accepted then."""

    @property
    def is_final(self) -> bool:
        """Whether the same request would be refused again."""
        return False


class Unauthorized(ProblemError):
    """There is no valid token (401)."""


class Forbidden(ProblemError):
    """The token does not allow it (403)."""


class NotFound(ProblemError):
    """There is no such thing in the caller's scopes (404)."""


class Conflict(ProblemError):
    """The state does not allow it (409); `problem.current` is the present state."""


class TooManyRequests(ProblemError):
    """A limit was reached (429); see `retry_after_seconds`."""


class ServiceFailed(ProblemError, Unavailable):
    """The service is down, not ready, or failed (5xx)."""


class CursorReset(WaysideError):
    """Events after the cursor are gone: fetch the state again, and stream on from `cursor`."""

    def __init__(self, cursor: str | None, reason: str | None) -> None:
        super().__init__(f"the event history was reset ({reason or 'no reason given'}); now at {cursor}")
        self.cursor = cursor
        self.reason = reason


def error_of(problem: Problem, *, retry_after_seconds: float | None = None) -> ProblemError:
    """Return the error class for a problem's status, with the problem in it."""
    match problem.status:
        case 401:
            kind: type[ProblemError] = Unauthorized
        case 403:
            kind = Forbidden
        case 404:
            kind = NotFound
        case 409:
            kind = Conflict
        case 422 if problem.code == UNKNOWN_JOB_TYPE:
            kind = UnknownJobType
        case 429:
            kind = TooManyRequests
        case status if status >= 500:
            kind = ServiceFailed
        case _:
            kind = InvalidRequest
    return kind(problem, retry_after_seconds=retry_after_seconds)
