"""What an attempt's ending is to be reported as: decided here, said to the attempt, reported by the reporter."""

import logging
import traceback
from pathlib import Path
from typing import NamedTuple, assert_never

from wayside.errors import ChildFailed, NonRetryable, ProblemError, Stop
from wayside.reporting.attempt import Attempt
from wayside.reporting.encoding import NotJson, TooLarge, clip, plain
from wayside.worker.handlers import InvalidInput, JobHandler
from wayside_events.jobs import JobError, LogLevel

logger = logging.getLogger("wayside.worker")

_MESSAGE_LIMIT = 10_000
_TYPE_LIMIT = 200
_OWN_CODE = str(Path(__file__).parents[1])


class Returned(NamedTuple):
    """The handler returned `value`."""

    value: object


class Raised(NamedTuple):
    """The handler raised an exception of its own."""

    error: BaseException


class Interrupted(NamedTuple):
    """The handler ended because it was cancelled or stopped."""


Ending = Returned | Raised | Interrupted


def conclude(attempt: Attempt, handler: JobHandler, ending: Ending) -> None:
    """Say how the attempt ended.

    A handler that returns has done the work, so its job completes, whatever it was asked meanwhile: a cancel that it
    does not heed comes too late. One that raises while it is stopping is taken to have stopped, and the exception is
    kept in the job's log: a retry of what a user canceled, or a failure because of a deploy, would be wrong.
    """
    match ending:
        case Returned(value):
            _complete(attempt, handler, value)
        case Raised(error):
            if not isinstance(error, InvalidInput):
                attempt.log(LogLevel.ERROR, traceback_of(error), {})
            if attempt.stop_reason is None:
                attempt.fail(failure(error, handler.non_retryable))
            else:
                _stopped(attempt, attempt.stop_reason)
        case Interrupted():
            _stopped(attempt, attempt.stop_reason)
        case _:
            assert_never(ending)


def abandon(attempt: Attempt, message: str) -> None:
    """Leave alone an attempt whose handler heeds nothing.

    Time that is over, and a shutdown, are for its runner to say. A cancel is forced by the jobs service, which alone may
    say that it was not acknowledged.
    """
    attempt.abandon(message)
    if attempt.stop_reason in (Stop.TIMEOUT, Stop.SHUTDOWN):
        _stopped(attempt, attempt.stop_reason)
    attempt.buffer.close()


def traceback_of(error: BaseException) -> str:
    """The traceback as text, from the handler's own frames on."""
    frame = error.__traceback__
    while frame and frame.tb_next and frame.tb_frame.f_code.co_filename.startswith(_OWN_CODE):
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, frame))


def failure(error: BaseException, non_retryable: tuple[type[Exception], ...] = ()) -> JobError:
    """Describe an exception: another attempt makes sense unless it or its class says otherwise."""
    is_final = isinstance(error, (NonRetryable, *non_retryable)) or (
        isinstance(error, ChildFailed | ProblemError) and error.is_final
    )
    said = error if isinstance(error, NonRetryable) else None
    return JobError(
        code=clip(str(said.code), 100) if said and said.code else "error",
        message=clip(_text_of(error), _MESSAGE_LIMIT),
        type=clip(_class_name(error), _TYPE_LIMIT),
        retryable=not is_final,
        details=plain(said.details) if said and said.details else None,
    )


def _text_of(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # noqa: BLE001 - an exception of the user's, whose own code failed
        return type(error).__name__


def _complete(attempt: Attempt, handler: JobHandler, value: object) -> None:
    try:
        attempt.complete(handler.encode(value))
    except TooLarge as error:
        attempt.fail(JobError(code="result_too_large", message=str(error), retryable=False))
    except NotJson as error:
        attempt.fail(
            JobError(code="invalid_result", message=clip(str(error), _MESSAGE_LIMIT), retryable=False)
        )


def _stopped(attempt: Attempt, reason: Stop | None) -> None:
    match reason:
        case Stop.CANCEL:
            attempt.acknowledge_cancel()
        case Stop.SHUTDOWN:
            logger.info("job %s attempt %d is given back: the worker ends", *attempt.key)
            attempt.release()
        case Stop.TIMEOUT:
            seconds = attempt.granted.timeout_seconds
            message = f"the attempt ran longer than {seconds:g} s" if seconds else "the attempt ran too long"
            attempt.fail(JobError(code="timeout", message=message))
        case Stop.FENCED:
            pass
        case None:
            attempt.fail(
                JobError(code="error", message="the handler cancelled itself", type="CancelledError")
            )
        case _:
            assert_never(reason)


def _class_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
