"""The errors this library raises, and the one table that gives an error class its HTTP status."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, ClassVar

from wayside_events.contracts.problems import FieldError


class ServiceError(Exception):
    """Base of every error that a caller is told about. `code` is stable; `str(error)` is the detail.

    Errors of a service's domain need not derive from this: any exception with `code` and `title` serves,
    once a table names its status.
    """

    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str = "", *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail or self.title)
        self.errors = tuple(errors)


class BadRequest(ServiceError):
    """The request cannot be understood."""

    code = "bad_request"
    title = "Bad request"


class MalformedRequest(BadRequest):
    """What arrived is not HTTP."""

    code = "malformed_request"
    title = "Not a valid HTTP request"


class MalformedJson(BadRequest):
    """The body is not JSON; the detail names line and column."""

    code = "malformed_json"
    title = "The body is not valid JSON"


class Unauthorized(ServiceError):
    """No credentials came with the request."""

    code = "unauthorized"
    title = "A bearer token is required"

    def headers(self) -> Mapping[str, str]:
        """The challenge (RFC 6750 §3): `error` is left out when no token was sent at all."""
        if type(self) is Unauthorized:
            return {"WWW-Authenticate": 'Bearer realm="wayside"'}
        return {
            "WWW-Authenticate": f'Bearer realm="wayside", error="invalid_token", error_description="{self.title}"'
        }


class InvalidToken(Unauthorized):
    """The token is not one this service accepts."""

    code = "invalid_token"
    title = "The token is not valid"


class TokenExpired(InvalidToken):
    """The token was valid once."""

    code = "token_expired"
    title = "The token has expired"


class Forbidden(ServiceError):
    """The caller is known and lacks the role."""

    code = "forbidden"
    title = "The role for this is missing"


class ScopeForbidden(Forbidden):
    """The caller lacks the role in the scope the request is about; `field` says where it names it, if it does."""

    code = "scope_forbidden"
    title = "The role for this is missing in the scope"

    def __init__(self, detail: str = "", *, field: str | None = None) -> None:
        message = detail or self.title
        errors = [FieldError(field=field, code=self.code, message=message)] if field else []
        super().__init__(detail, errors=errors)


class NotFound(ServiceError):
    """The thing does not exist, or belongs to a scope the caller cannot see."""

    code = "not_found"
    title = "No such thing"


class RouteNotFound(NotFound):
    """No route has this path."""

    code = "route_not_found"
    title = "No such path"


class MethodNotAllowed(ServiceError):
    """The path exists, with other methods."""

    code = "method_not_allowed"
    title = "The path has no such method"


class RequestTimedOut(ServiceError):
    """The body did not arrive in time."""

    code = "request_timed_out"
    title = "The request took too long to arrive"


class Conflict(ServiceError):
    """The thing is not in the state the request assumed; `current` is the state as it is (JSON-able)."""

    code = "conflict"
    title = "The state is another one"

    def __init__(self, detail: str = "", *, current: Any = None) -> None:  # noqa: ANN401 - whatever JSON the service shows
        super().__init__(detail)
        self.current = current


class TooLarge(ServiceError):
    """A value is over its limit."""

    code = "too_large"
    title = "A value is too large"


class BodyTooLarge(TooLarge):
    """The whole body is over the route's limit."""

    code = "body_too_large"
    title = "The body is too large"


class RequestHeadTooLarge(TooLarge):
    """The request line or a header is longer than the server reads."""

    code = "head_too_large"
    title = "The head of the request is too large"


class UnsupportedMediaType(ServiceError):
    """The body has a content type the route does not read."""

    code = "unsupported_media_type"
    title = "The content type is not supported"


class Unprocessable(ServiceError):
    """The request was understood and makes no sense."""

    code = "unprocessable"
    title = "The request cannot be carried out"


class InvalidInput(Unprocessable):
    """Fields of body, query, path or headers are missing, unknown or wrong; `errors` names each."""

    code = "invalid_input"
    title = "The input is not valid"


class TooManyRequests(ServiceError):
    """The caller is over a limit."""

    code = "too_many_requests"
    title = "Too many requests"
    retry_after_seconds: ClassVar[int] = 5


class Unavailable(ServiceError):
    """Something this service needs is down; it will be back, and the request may be repeated."""

    code = "unavailable"
    title = "Temporarily unavailable"
    retry_after_seconds: ClassVar[int] = 2


class DatabaseUnavailable(Unavailable):
    """PostgreSQL does not answer, or has no connection to give."""

    code = "database_unavailable"
    title = "The database is unavailable"


class BusUnavailable(Unavailable):
    """NATS does not answer."""

    code = "bus_unavailable"
    title = "The event bus is unavailable"


ErrorTable = Mapping[type[Exception], int]
"""Which status an error class has; a subclass without an entry has its parent's."""

ERROR_STATUSES: ErrorTable = MappingProxyType(
    {
        BadRequest: HTTPStatus.BAD_REQUEST,
        Unauthorized: HTTPStatus.UNAUTHORIZED,
        Forbidden: HTTPStatus.FORBIDDEN,
        NotFound: HTTPStatus.NOT_FOUND,
        MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
        RequestTimedOut: HTTPStatus.REQUEST_TIMEOUT,
        Conflict: HTTPStatus.CONFLICT,
        TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        Unprocessable: HTTPStatus.UNPROCESSABLE_ENTITY,
        TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
        Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    }
)


def status_of(error: type[BaseException], table: ErrorTable) -> int | None:
    """Return the status of the nearest class that `table` names, `None` when it names none."""
    return next((table[cls] for cls in error.__mro__ if cls in table), None)
