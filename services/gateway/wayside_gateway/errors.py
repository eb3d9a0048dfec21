"""What the gateway itself refuses, and the statuses of that."""

from types import MappingProxyType

from wayside_events.contracts.problems import FieldError
from wayside_service.errors import BadRequest, ErrorTable, TooManyRequests, Unavailable


class InvalidCursor(BadRequest):
    """A cursor that no gateway gave out."""

    code = "invalid_cursor"
    title = "The cursor is malformed"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail, errors=[FieldError(field=field, code=self.code, message=detail)])


class StreamLimitReached(TooManyRequests):
    """The caller has too many streams open."""

    code = "too_many_streams"
    title = "Too many open streams"


class UpstreamUnavailable(Unavailable):
    """No instance of the service behind a route can be reached."""

    code = "upstream_unavailable"
    title = "The service is unavailable"


class UpstreamTimedOut(Unavailable):
    """The service behind a route took the request and did not answer in time."""

    code = "upstream_timeout"
    title = "The service did not answer in time"


class ShuttingDown(Unavailable):
    """This gateway is about to stop; another one, or its successor, answers."""

    code = "shutting_down"
    title = "The gateway is stopping"


ERRORS: ErrorTable = MappingProxyType({UpstreamTimedOut: 504})
