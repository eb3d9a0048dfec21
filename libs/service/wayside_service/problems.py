"""Problem documents (RFC 9457): what a caller is told when something fails, over HTTP and over NATS."""

from collections.abc import Callable, Mapping

from wayside_events.bus import BusUnavailable as BusIsDown
from wayside_events.contracts.problems import Problem, problem_type, sentence
from wayside_service.errors import BusUnavailable, ErrorTable, ServiceError, status_of

CONTENT_TYPE = "application/problem+json"
INTERNAL = 500


def problem_of(error: Exception, table: ErrorTable, instance: str | None = None) -> Problem | None:
    """Return what a caller is told about `error`, `None` when no table names it: then it is unexpected.

    An error gives its `code`, its `title`, its text as the detail, and where it has them `errors` and `current`.
    """
    error = known_error(error)
    status = status_of(type(error), table)
    if status is None:
        return None
    code = str(getattr(error, "code", f"http_{status}"))
    return Problem(
        type=problem_type(code),
        title=str(getattr(error, "title", code)),
        status=int(status),
        code=code,
        detail=sentence(str(error)),
        instance=instance,
        errors=tuple(getattr(error, "errors", ())),
        current=getattr(error, "current", None),
    )


def internal_problem(instance: str | None = None) -> Problem:
    """Return what a caller is told about an unexpected error: nothing but where to look."""
    return Problem(
        type=problem_type(ServiceError.code),
        title=ServiceError.title,
        status=INTERNAL,
        code=ServiceError.code,
        detail="Something went wrong; the log has it under this request's id.",
        instance=instance,
    )


def rpc_problems(table: ErrorTable) -> Callable[[Exception], Problem | None]:
    """Return the `problem_of` of `Bus.serve`, so that NATS callers get what HTTP callers get."""
    return lambda error: problem_of(error, table)


def known_error(error: Exception) -> Exception:
    """Return an error of another library as ours, where a caller may be told about it."""
    return BusUnavailable() if isinstance(error, BusIsDown) else error


def problem_headers(error: Exception) -> dict[str, str]:
    """Return the headers an error brings: `Retry-After`, `WWW-Authenticate`."""
    error = known_error(error)
    headers: dict[str, str] = {}
    retry_after = getattr(error, "retry_after_seconds", None)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    own = getattr(error, "headers", None)
    if callable(own) and isinstance(values := own(), Mapping):
        headers.update(values)
    return headers


def encode_problem(problem: Problem) -> bytes:
    """Encode for HTTP; what does not apply is left out."""
    empty = {name for name in ("errors", "current", "instance") if not getattr(problem, name)}
    return problem.model_dump_json(exclude=empty).encode()
