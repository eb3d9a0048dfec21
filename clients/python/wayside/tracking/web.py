"""Web handlers that go on without their client as long as a tracked operation is open in them; no framework is imported."""

import functools
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, ParamSpec, TypeVar

from wayside.tracking.detached import attend
from wayside.tracking.visits import Visit

P = ParamSpec("P")
T = TypeVar("T")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def detach_tracked(handler: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let a handler, of whatever asyncio framework, go on when it is cancelled while a tracked operation is open in it.

    It runs in a task of its own. Cancelled at another moment it ends, as it would without this. Await `finish_tracked`
    before the event loop ends.
    """

    @functools.wraps(handler)
    async def attended(*args: P.args, **kwargs: P.kwargs) -> T:
        return await attend(handler(*args, **kwargs), Visit(), name=f"handler {handler.__qualname__}")

    return attended


async def detach_tracked_middleware(
    request: Any,  # noqa: ANN401 - of aiohttp, which is not imported for it
    handler: Callable[[Any], Awaitable[T]],
) -> T:
    """The same for all handlers of an aiohttp application: `web.Application(middlewares=[detach_tracked_middleware])`."""
    name = f"handler {request.method} {request.path}"
    return await attend(_called(handler, request), Visit(), name=name)


detach_tracked_middleware.__middleware_version__ = 1  # type: ignore[attr-defined]


class DetachTracked:
    """The same for all handlers of an ASGI application: `app.add_middleware(DetachTracked)`, or `DetachTracked(app)`.

    Here the framework itself looks out for the client: it is told that the client has left when no tracked operation is
    open any more, and what it sends meanwhile goes nowhere. A client that leaves before its request is complete is told
    of at once, since the handler may wait for the rest.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = Visit()
        line = _Line(visit, receive, send)
        name = f"handler {scope['method']} {scope['path']}"
        await attend(_called(self._app, scope, line.receive, line.send), visit, name=name)


class _Line:
    """The way to the client, which seems to be there as long as an operation is open."""

    def __init__(self, visit: Visit, receive: Receive, send: Send) -> None:
        self._visit = visit
        self._receive = receive
        self._send = send
        self._is_complete = False
        self._farewell: Message | None = None

    async def receive(self) -> Message:
        if self._farewell is None:
            message = await self._receive()
            if message["type"] != "http.disconnect":
                self._is_complete = not message.get("more_body", False)
                return message
            self._farewell = message
        if self._is_complete:
            await self._visit.until_closed()
        return self._farewell

    async def send(self, message: Message) -> None:
        if self._visit.is_left:
            return
        try:
            await self._send(message)
        except OSError:
            if not self._visit.is_open:
                raise


async def _called(function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    return await function(*args, **kwargs)
