"""What can be refused, and why. `code` is stable; an HTTP status is given to each class elsewhere."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final, Self

from wayside_events.contracts.problems import FieldError, pointer
from wayside_events.jobs import JobStatus
from wayside_jobs.domain.states import Verb


class JobsError(Exception):
    """Base of every error of this service; `str(error)` is a sentence for people."""

    code: ClassVar[str] = "jobs_error"
    title: ClassVar[str] = "The request was refused"

    def __init__(self, detail: str, *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.errors = tuple(errors)

    def within(self, place: str) -> Self:
        """Return this error about a larger body, in which the value that is at fault lies at `place`."""
        # Not raised anew: one error may answer several requests.
        moved = type(self).__new__(type(self))
        moved.__dict__.update(self.__dict__)
        moved.errors = tuple(_moved(error, place) for error in self.errors)
        names_field = self.errors and str(self).startswith(self.errors[0].field)
        moved.args = (f"{place}{self}" if names_field else str(self),)
        return moved


def _moved(error: FieldError, place: str) -> FieldError:
    inside = "" if error.field == pointer([]) else error.field
    return error.model_copy(update={"field": place + inside})


_REFUSED: Final[Mapping[Verb, str]] = MappingProxyType(
    {
        Verb.CLAIM: "only a job that is queued can be claimed",
        Verb.PROGRESS: "only a job that runs reports progress",
        Verb.LOG: "only a job that runs writes to its log",
        Verb.HEARTBEAT: "only a job that runs has heartbeats",
        Verb.COMPLETE: "only a job that runs can be completed",
        Verb.FAIL: "only a job that runs can fail",
        Verb.REQUEST_CANCEL: "a job that has ended cannot be canceled",
        Verb.ACKNOWLEDGE_CANCEL: "only a job that runs can stop because of a cancel",
        Verb.FORCE_CANCEL: "only a job that runs can be canceled by force",
        Verb.LOSE: "only a job that runs can be lost",
        Verb.TIME_OUT: "only a job that runs can take too long",
        Verb.RELEASE: "only a job that runs can be released",
        Verb.RETRY: "only a job that has ended can be retried",
        Verb.EXPIRE: "only a job that has ended can expire",
    }
)


class WrongState(JobsError):
    """The verb does not exist in the job's status."""

    code = "wrong_state"
    title = "The job's state does not allow this"

    def __init__(self, status: JobStatus, verb: Verb, *, revision: int) -> None:
        super().__init__(f"The job is {status}: {_REFUSED[verb]}.")
        self.verb = verb
        self.current = {"status": str(status), "revision": revision}


class InvalidReport(JobsError):
    """A report makes no sense."""

    code = "invalid_input"
    title = "The report is not valid"


class Fenced(JobsError):
    """A report came from an attempt that is over or belongs to another runner."""

    code = "fenced"
    title = "The attempt is not yours"

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"The attempt at job {job_id} is over or belongs to somebody else: stop working on it."
        )


class CancelNotRequested(JobsError):
    """A runner acknowledged a cancel that nobody asked for."""

    code = "cancel_not_requested"
    title = "Cancel was not requested"

    def __init__(self, status: JobStatus, *, revision: int) -> None:
        super().__init__("Nobody asked for this job to end.")
        self.current = {"status": str(status), "revision": revision}


class CancelNotSupported(JobsError):
    """The job's type says that its jobs cannot be canceled while they run."""

    code = "cancel_not_supported"
    title = "Jobs of this type cannot be canceled"

    def __init__(self, job_type: str, status: JobStatus, *, revision: int) -> None:
        super().__init__(f"Jobs of type {job_type} cannot be canceled once they run.")
        self.current = {"status": str(status), "revision": revision}


class InvalidBulk(JobsError):
    """An order about many jobs makes no sense."""

    code = "invalid_input"
    title = "The order is not valid"

    def __init__(self, field: str, reason: str, message: str) -> None:
        super().__init__(message, errors=[FieldError(field=field, code=reason, message=message)])


class RetryNotSupported(JobsError):
    """The job ran in its caller's process, or its type says that its jobs are not to be retried."""

    code = "retry_not_supported"
    title = "The job cannot be retried"

    def __init__(self, reason: str, status: JobStatus, *, revision: int) -> None:
        super().__init__(reason)
        self.current = {"status": str(status), "revision": revision}


class JobNotFound(JobsError):
    """No such job in this scope."""

    code = "not_found"
    title = "No such job"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"There is no job {job_id}.")


class JobTypeNotFound(JobsError):
    """No job type has this name."""

    code = "not_found"
    title = "No such job type"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no job type {name}.")


class QueueNotFound(JobsError):
    """Nothing names this queue, and nothing is in it."""

    code = "not_found"
    title = "No such queue"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no queue {name}.")


class InvalidJob(JobsError):
    """Fields of a job to create are wrong; `errors` names each."""

    code = "invalid_input"
    title = "The job is not valid"


class InputTooComplex(InvalidJob):
    """It takes too long to check an input, or all of one request, against the schema of its type."""

    def __init__(self, name: str) -> None:
        detail = (
            f"It takes too long to check the input against the schema of {name}: "
            "send less, or fewer jobs at once, or simplify the schema."
        )
        super().__init__(detail, errors=[FieldError(field="/input", code="too_complex", message=detail)])


class ReservedName(JobsError):
    """A job type or queue is for the service's own work."""

    code = "invalid_input"
    title = "The name is reserved"


class ReservedQueue(JobsError):
    """The queue is for the service's own work, and is not to be paused or limited."""

    code = "reserved"
    title = "The queue is reserved"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The queue {name} is for the service's own work; it can be neither paused nor limited."
        )


class UnknownJobType(InvalidJob):
    """No worker has registered the type."""

    code = "unknown_job_type"
    title = "Unknown job type"

    def __init__(self, name: str) -> None:
        detail = (
            f"No worker has registered the job type {name}: check its name, or start a worker that serves it."
        )
        super().__init__(detail, errors=[FieldError(field="/type", code=self.code, message=detail)])


class UnknownParent(InvalidJob):
    """The parent does not exist in the job's scope."""

    code = "unknown_parent"
    title = "Unknown parent job"

    def __init__(self, job_id: str) -> None:
        detail = f"There is no job {job_id} in this scope."
        super().__init__(detail, errors=[FieldError(field="/parent_id", code=self.code, message=detail)])


class ParentEnded(JobsError):
    """The parent is over, or is to end: it gets no more children."""

    code = "parent_ended"
    title = "The parent job has ended"

    def __init__(self, job_id: str, status: JobStatus, *, revision: int) -> None:
        detail = f"The parent job {job_id} has ended or is to end, so it gets no more children."
        super().__init__(detail, errors=[FieldError(field="/parent_id", code=self.code, message=detail)])
        self.current = {"status": str(status), "revision": revision}


class InvalidPage(JobsError):
    """A page token is not one this service gave out."""

    code = "invalid_page"
    title = "The page is not known"

    def __init__(self) -> None:
        message = "This is not a next_page that this list gave."
        super().__init__(message, errors=[FieldError(field="?page", code=self.code, message=message)])


class InvalidFilter(JobsError):
    """A filter of a list makes no sense."""

    code = "invalid_input"
    title = "The filter is not valid"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, errors=[FieldError(field=field, code="missing", message=message)])


class InvalidValue(JobsError):
    """A JSON value cannot be stored: a NUL character, a number out of range, a text that is no Unicode."""

    code = "invalid_input"
    title = "A value cannot be stored"

    def __init__(self, field: str, reason: str, message: str) -> None:
        field = field or pointer([])
        super().__init__(
            f"{field}: {message}", errors=[FieldError(field=field, code=reason, message=message)]
        )


class ValueTooLarge(JobsError):
    """A JSON value is over its limit."""

    code = "too_large"
    title = "A value is too large"

    def __init__(self, field: str, size: int, limit: int) -> None:
        field = field or pointer([])
        self.message = f"{size} bytes of JSON; at most {limit} are allowed."
        super().__init__(
            f"{field} has {self.message}",
            errors=[FieldError(field=field, code=self.code, message=self.message)],
        )


class IdempotencyConflict(JobsError):
    """The idempotency key was used for another request."""

    code = "idempotency_key_reused"
    title = "The idempotency key belongs to another request"

    def __init__(self, key: str) -> None:
        super().__init__(f"The idempotency key {key} was used before, for another request.")


class SimultaneousChange(JobsError):
    """A row changed between reading and writing although it was locked, or keeps changing; trying again helps."""

    code = "simultaneous_change"
    title = "Somebody else changed this at the same moment"
    retry_after_seconds: ClassVar[int] = 1


class Collision(SimultaneousChange):
    """A row was locked for too long by somebody else: this transaction is to be tried again as a whole."""


class StoreRefused(JobsError):
    """The database refused a value that was not found wanting before."""

    code = "refused"
    title = "The value cannot be stored"
