"""What can go wrong on the bus. NATS errors stop here."""

import contextlib
from collections.abc import Iterator

from nats.errors import Error

from wayside_events.contracts.problems import Problem
from wayside_events.cursor import Cursor


class BusError(Exception):
    """Base of all errors of the bus."""


class BusUnavailable(BusError):
    """NATS cannot be reached, or nobody serves the subject; trying again later makes sense."""


class AccessDenied(BusError):
    """The NATS user lacks the permission. Of a publish or request this is only seen in the log and as a time-out."""


class RequestTimedOut(BusUnavailable):
    """Nobody answered in time; the request may or may not have been carried out."""


class RequestRefused(BusError):
    """The service answered with a problem document."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


class MalformedReply(BusError):
    """The service answered something that is not the expected shape."""


class MessageTooLarge(BusError):
    """A message exceeds what the server takes; nothing of its batch was sent."""

    def __init__(self, message_id: str, size: int, limit: int) -> None:
        super().__init__(f"message {message_id} has {size} bytes, the server takes {limit}")
        self.message_id = message_id
        self.size = size
        self.limit = limit


class PublishRefused(BusError):
    """The stream refused a message for a reason that trying again does not change by itself."""

    def __init__(self, message_id: str, description: str) -> None:
        super().__init__(f"message {message_id} was refused: {description}")
        self.message_id = message_id
        self.description = description


class CursorExpired(BusError):
    """Events after the cursor are gone: the stream was created anew, or they aged out. Fetch state again."""

    def __init__(self, cursor: Cursor, current: Cursor) -> None:
        super().__init__(f"events after {cursor} are no longer kept; the stream is at {current}")
        self.cursor = cursor
        self.current = current


def describe(error: BaseException) -> str:
    """Say what an error is: many of NATS' have no text."""
    return str(error) or type(error).__name__


@contextlib.contextmanager
def nats_errors(what: str) -> Iterator[None]:
    """Turn every error of NATS inside the block into `BusUnavailable`, beginning with `what`."""
    try:
        yield
    except Error as error:
        raise BusUnavailable(f"{what}: {describe(error)}") from error
