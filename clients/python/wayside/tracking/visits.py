"""Which operations of a web request are open: while there are any, its handler goes on without its client."""

import asyncio
import contextlib
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from wayside.tracking.tracker import Tracker

_current: "ContextVar[Visit | None]" = ContextVar("wayside_current_visit", default=None)


def current_visit() -> "Visit | None":
    """Return the visit that this code is part of, in whatever task or thread; `None` where nobody cares for visits."""
    return _current.get()


class Visit:
    """A client's request while it is handled; belongs to the event loop it was made on.

    Operations begin and end in any thread. A visit within another one is part of it.
    """

    def __init__(self) -> None:
        self.is_left = False
        """Whether the handler goes on alone: what it answers, nobody hears."""
        self._loop = asyncio.get_running_loop()
        self._around = current_visit()
        self._open: dict[object, Tracker] = {}
        self._ended = asyncio.Event()

    def begin(self, operation: object, tracker: "Tracker") -> None:
        """Note that an operation is open."""
        self._open[operation] = tracker
        if self._around is not None:
            self._around.begin(operation, tracker)

    def end(self, operation: object) -> None:
        """Note that an operation is over."""
        self._open.pop(operation, None)
        with contextlib.suppress(RuntimeError):  # the loop has ended before a thread of its
            self._loop.call_soon_threadsafe(self._ended.set)
        if self._around is not None:
            self._around.end(operation)

    @property
    def is_open(self) -> bool:
        """Whether an operation is."""
        return bool(self._open)

    @property
    def trackers(self) -> "set[Tracker]":
        """Those of the open operations."""
        return set(self._open.copy().values())

    async def until_closed(self) -> None:
        """Wait until no operation is open."""
        while self._open:
            self._ended.clear()
            await self._ended.wait()

    def start(self, handling: "Coroutine[Any, Any, Any]", *, name: str) -> "asyncio.Task[Any]":
        """Handle the request in a task of its own, whose operations are those of this visit."""
        context = copy_context()
        context.run(_current.set, self)
        return asyncio.create_task(handling, name=name, context=context)
