"""Tracked operations in the handlers of real web frameworks, whose client leaves in the middle."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import flask
import hypercorn.asyncio
import pytest
import quart
import uvicorn
import werkzeug.serving
from aiohttp import web
from fastapi import FastAPI
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from tests.eventually import eventually
from tests.sdk.standin import StandIn
from tests.sdk.test_track import only

from wayside import (
    DetachTracked,
    Tracker,
    detach_tracked_middleware,
    finish_tracked,
    track,
)
from wayside.tracking.web import App

Serving = Callable[["Operation", bool], AbstractAsyncContextManager[int]]
"""Serves a handler with an operation at `/`, detached or not; yields the port."""


class Operation:
    """What every handler here does: it goes on when the test says so."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.release = asyncio.Event()
        self.can_return = threading.Event()

    async def run(self) -> str:
        async with track("import", scope="acme", tracker=self.tracker) as job:
            job.progress(50)
            await self.release.wait()
            job.result = "generated"
        return "generated"

    def run_in_thread(self) -> str:
        with track("import", scope="acme", tracker=self.tracker) as job:
            job.progress(50)
            self.can_return.wait(30)
            job.result = "generated"
        return "generated"

    def finish(self) -> None:
        self.release.set()
        self.can_return.set()


@contextlib.asynccontextmanager
async def aiohttp_server(operation: Operation, detached: bool) -> AsyncIterator[int]:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text=await operation.run())

    app = web.Application(middlewares=[detach_tracked_middleware] if detached else [])
    app.router.add_get("/", handler)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@contextlib.asynccontextmanager
async def uvicorn_server(app: App) -> AsyncIterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    assert await eventually(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


class AddsNothing(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)


def fastapi_app(*, detached: bool) -> FastAPI:
    app = FastAPI()
    app.add_middleware(AddsNothing)
    if detached:
        app.add_middleware(DetachTracked)
    return app


@contextlib.asynccontextmanager
async def fastapi_server(operation: Operation, detached: bool) -> AsyncIterator[int]:
    app = fastapi_app(detached=detached)
    app.get("/")(operation.run)
    async with uvicorn_server(app) as port:
        yield port


@contextlib.asynccontextmanager
async def fastapi_thread_server(operation: Operation, detached: bool) -> AsyncIterator[int]:
    app = fastapi_app(detached=detached)
    app.get("/")(operation.run_in_thread)
    async with uvicorn_server(app) as port:
        yield port


@contextlib.asynccontextmanager
async def fastapi_streaming_server(operation: Operation, detached: bool) -> AsyncIterator[int]:
    async def stream() -> AsyncIterator[str]:
        yield "begun "
        yield await operation.run()

    async def handler() -> StreamingResponse:
        return StreamingResponse(stream())

    app = fastapi_app(detached=detached)
    app.get("/")(handler)
    async with uvicorn_server(app) as port:
        yield port


@contextlib.asynccontextmanager
async def quart_server(operation: Operation, detached: bool) -> AsyncIterator[int]:
    app = quart.Quart("app")
    app.get("/")(operation.run)
    if detached:
        app.asgi_app = DetachTracked(app.asgi_app)  # type: ignore[method-assign, assignment, arg-type]
    listening = socket.create_server(("127.0.0.1", 0))
    config = hypercorn.Config()
    config.bind = [f"fd://{listening.fileno()}"]
    ending = asyncio.Event()
    serving = asyncio.create_task(hypercorn.asyncio.serve(app, config, shutdown_trigger=ending.wait))
    yield listening.getsockname()[1]
    ending.set()
    await serving
    listening.detach()


@contextlib.asynccontextmanager
async def flask_server(operation: Operation, detached: bool) -> AsyncIterator[int]:
    app = flask.Flask("app")
    app.get("/")(operation.run_in_thread)
    server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
    serving = asyncio.create_task(asyncio.to_thread(server.serve_forever, 0.05))
    yield server.server_port
    server.shutdown()
    await serving
    server.server_close()


async def ask(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return reader, writer


async def leave_in_the_middle(service: StandIn, port: int) -> None:
    _, writer = await ask(port)
    assert await eventually(lambda: bool(service.jobs) and only(service).progress == {"percent": 50})
    writer.close()
    await writer.wait_closed()
    # What the framework does about it, it has done by the time it has looked at another client.
    _, other = await asyncio.open_connection("127.0.0.1", port)
    other.write(b"GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    await _.read()
    other.close()


CANCELLING = [aiohttp_server, fastapi_streaming_server, quart_server]
ALL = [*CANCELLING, fastapi_server, fastapi_thread_server, flask_server]


@pytest.mark.parametrize(
    ("serve", "detached"),
    [*((serve, True) for serve in ALL), (fastapi_server, False), (fastapi_thread_server, False)],
)
async def test_an_operation_goes_on_without_its_client(
    service: StandIn, tracker: Tracker, serve: Serving, detached: bool
) -> None:
    operation = Operation(tracker)
    async with serve(operation, detached) as port:
        await leave_in_the_middle(service, port)
        assert only(service).status == "running"
        operation.finish()
        await finish_tracked(10, tracker=tracker)
        assert await eventually(lambda: only(service).status == "completed")
    assert only(service).ending.result == "generated"


@pytest.mark.parametrize("serve", CANCELLING)
async def test_without_that_these_frameworks_end_it_with_its_client(
    service: StandIn, tracker: Tracker, serve: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    operation = Operation(tracker)
    async with serve(operation, False) as port:
        await leave_in_the_middle(service, port)
        assert await eventually(lambda: only(service).status == "failed")
    assert only(service).ending.error.code == "interrupted"
    assert "detach_tracked" in caplog.text


@pytest.mark.parametrize("serve", ALL)
async def test_a_client_that_stays_is_answered(service: StandIn, tracker: Tracker, serve: Serving) -> None:
    operation = Operation(tracker)
    operation.finish()
    async with serve(operation, True) as port:
        reader, writer = await ask(port)
        answer = await reader.read()
        writer.close()
    assert b" 200 " in answer
    assert b"generated" in answer
    assert only(service).status == "completed"
