"""Which job the running code works for: known to its tasks and threads, and to whatever they call."""

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wayside.progress import Operation

_current: "ContextVar[Operation | None]" = ContextVar("wayside_current_job", default=None)


def current_job() -> "Operation | None":
    """Return the context of the handler, or the tracked job, that this code runs for; `None` outside of any.

    Tasks inherit it, and threads that copy the context do (`asyncio.to_thread` does, a plain `Thread` does not).
    """
    return _current.get()


def enter(operation: "Operation") -> "Token[Operation | None]":
    """Note that what follows works for a job."""
    return _current.set(operation)


def leave(token: "Token[Operation | None]") -> None:
    """Take back what `enter` did."""
    try:
        _current.reset(token)
    except ValueError:  # the block ends in another context than it began in, as generators may
        _current.set(None)
