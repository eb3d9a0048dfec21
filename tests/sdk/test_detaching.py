"""When a handler goes on without its client, and when it ends as it always did."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from tests.eventually import eventually
from tests.sdk.standin import StandIn
from tests.sdk.test_track import only

from wayside import DetachTracked, JobCanceled, Tracker, detach_tracked, finish_tracked, track
from wayside.tracking.web import Message, Receive, Send


class Handler:
    """A handler that stops before, inside of and after its operation, until it is let go."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.before, self.inside, self.after = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.seen: list[str] = []
        self.ended: BaseException | None = None

    async def __call__(self) -> str:
        try:
            return await self._handle()
        except BaseException as error:
            self.ended = error
            raise

    async def _handle(self) -> str:
        await self._stop("before", self.before)
        async with track("import", scope="acme", tracker=self.tracker):
            await self._stop("inside", self.inside)
        await self._stop("after", self.after)
        return "answer"

    async def _stop(self, name: str, event: asyncio.Event) -> None:
        self.seen.append(name)
        await event.wait()

    async def reaches(self, name: str) -> None:
        assert await eventually(lambda: self.seen[-1:] == [name])

    def release(self, *names: str) -> None:
        for name in names:
            getattr(self, name).set()


@pytest.fixture
async def handler(tracker: Tracker) -> Handler:
    return Handler(tracker)


def started(handler: Handler) -> "asyncio.Task[str]":
    @detach_tracked
    async def handle() -> str:
        return await handler()

    return asyncio.create_task(handle())


async def cancelled(task: "asyncio.Task[str]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("place", ["before", "after"])
async def test_a_handler_without_an_open_operation_is_cancelled_as_ever(
    service: StandIn, handler: Handler, place: str
) -> None:
    task = started(handler)
    if place == "after":
        handler.release("before", "inside")
    await handler.reaches(place)
    await cancelled(task)
    assert isinstance(handler.ended, asyncio.CancelledError)


async def test_a_handler_that_was_left_alone_goes_on_to_its_end(service: StandIn, handler: Handler) -> None:
    task = started(handler)
    handler.release("before")
    await handler.reaches("inside")
    await cancelled(task)
    handler.release("inside")
    await handler.reaches("after")
    handler.release("after")
    await finish_tracked(5, tracker=handler.tracker)
    assert (handler.ended, only(service).status) == (None, "completed")
    assert handler.tracker.operations == set()


async def test_what_a_handler_raises_when_it_was_left_alone_is_logged(
    service: StandIn, handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    task = started(handler)
    handler.release("before")
    await handler.reaches("inside")
    await cancelled(task)
    await service.cancel(only(service))
    assert await eventually(lambda: "failed after its caller had left" in caplog.text)
    assert isinstance(handler.ended, JobCanceled)
    assert only(service).status == "canceled"


async def test_a_user_who_cancels_the_job_ends_the_handler(service: StandIn, handler: Handler) -> None:
    task = started(handler)
    handler.release("before")
    await handler.reaches("inside")
    await service.cancel(only(service))
    with pytest.raises(JobCanceled):
        await task


async def test_an_application_that_ends_ends_what_was_left_alone_after_the_grace(
    service: StandIn, handler: Handler
) -> None:
    task = started(handler)
    handler.release("before")
    await handler.reaches("inside")
    await cancelled(task)
    await finish_tracked(0.05, tracker=handler.tracker)
    assert isinstance(handler.ended, asyncio.CancelledError)
    assert await eventually(lambda: only(service).status == "failed")


async def test_beyond_the_limit_a_handler_ends_with_its_client(service: StandIn, tracker: Tracker) -> None:
    handlers = [Handler(tracker) for _ in range(3)]
    tasks = [started(handler) for handler in handlers]
    for handler in handlers:
        handler.release("before")
        await handler.reaches("inside")
    for task in tasks:
        await cancelled(task)
    assert [handler.ended is None for handler in handlers] == [True, True, False]
    for handler in handlers:
        handler.release("inside", "after")
    await finish_tracked(5, tracker=tracker)


class Line:
    """A client that leaves when the test says so, and an application that waits for what it says."""

    def __init__(self, tracker: Tracker, *, is_complete: bool = True) -> None:
        self.handler = Handler(tracker)
        self.left = asyncio.Event()
        self.received: list[str] = []
        self.sent: list[Message] = []
        self._said = asyncio.Queue[Message]()
        self._said.put_nowait({"type": "http.request", "body": b"", "more_body": not is_complete})

    async def app(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        handling = asyncio.create_task(self.handler())
        while self.received[-1:] != ["http.disconnect"]:
            self.received.append((await receive())["type"])
        self.received.append((await receive())["type"])
        await send({"type": "http.response.body"})
        await handling

    async def receive(self) -> Message:
        return await self._said.get()

    async def send(self, message: Message) -> None:
        raise ConnectionResetError("nobody is there")

    def leave(self) -> None:
        self._said.put_nowait({"type": "http.disconnect"})


def served(line: Line) -> "asyncio.Task[None]":
    scope = {"type": "http", "method": "GET", "path": "/"}

    async def serve() -> None:
        await DetachTracked(line.app)(scope, line.receive, line.send)

    return asyncio.create_task(serve())


async def test_an_application_hears_that_its_client_has_left_when_no_operation_is_open(
    service: StandIn, tracker: Tracker
) -> None:
    line = Line(tracker)
    serving = served(line)
    line.handler.release("before")
    await line.handler.reaches("inside")
    line.leave()
    assert not await eventually(lambda: "http.disconnect" in line.received, within_seconds=0.2)
    line.handler.release("inside")
    assert await eventually(lambda: line.received[-2:] == ["http.disconnect"] * 2)
    with pytest.raises(ConnectionResetError):
        await serving
    line.handler.release("after")


async def test_an_application_that_waits_for_the_rest_of_a_request_is_told_at_once(
    service: StandIn, tracker: Tracker
) -> None:
    line = Line(tracker, is_complete=False)
    serving = served(line)
    line.handler.release("before")
    await line.handler.reaches("inside")
    line.leave()
    assert await eventually(lambda: "http.disconnect" in line.received)
    line.handler.release("inside", "after")
    await serving


async def test_a_server_that_gives_up_on_an_application_leaves_its_operation_alone(
    service: StandIn, tracker: Tracker
) -> None:
    line = Line(tracker)
    serving = served(line)
    line.handler.release("before")
    await line.handler.reaches("inside")
    serving.cancel()
    await asyncio.wait([serving])
    line.handler.release("inside", "after")
    line.leave()
    await finish_tracked(5, tracker=tracker)
    assert (line.handler.ended, only(service).status) == (None, "completed")


async def test_a_handler_that_is_cancelled_at_every_turn_can_clean_up_all_the_same() -> None:
    begun, cleaned = asyncio.Event(), asyncio.Event()

    @detach_tracked
    async def handle() -> None:
        begun.set()
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.05)
            cleaned.set()

    task = asyncio.create_task(handle())
    await begun.wait()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    assert cleaned.is_set()
