"""A stand-in for the services behind the gateway: it shows jobs as the jobs service does, and echoes requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import orjson
from aiohttp import web

from wayside_events.bus import Bus
from wayside_events.cursor import Cursor


class Upstream:
    """An HTTP server with a few jobs and some routes that show what reached them.

    `position` is where it says the event stream is; where it is indeed, when `None`.
    """

    def __init__(self, bus: Bus) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.requests: list[web.Request] = []
        self.received = 0
        self.position: Cursor | None = None
        self.url = ""
        self._bus = bus
        self._runner: web.AppRunner | None = None
        self._port = 0

    def has(self, job_id: str, *, scope: str = "acme", status: str = "running", revision: int = 0) -> None:
        """Know a job from now on."""
        self.jobs[job_id] = {"id": job_id, "scope": scope, "status": status, "revision": revision}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        """Serve while the context lasts."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        """Listen, on the same port each time."""
        app = web.Application(client_max_size=0)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/v1/jobs/{job_id}", self._job)
        app.router.add_post("/v1/jobs/upload", self._upload)
        app.router.add_get("/v1/jobs/download/{megabytes}", self._download)
        app.router.add_get("/v1/jobs/broken/off", self._break_off)
        app.router.add_route("*", "/{path:.*}", self._echo)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = int(self._runner.addresses[0][1])
        self.url = f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """Stop listening and drop all connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response()

    async def _job(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        cursor = str(self.position or await self._bus.position())
        if "Authorization" not in request.headers:
            return web.json_response({"code": "unauthorized"}, status=401)
        job = self.jobs.get(request.match_info["job_id"])
        if job is None:
            return web.json_response({"code": "not_found"}, status=404)
        return web.Response(
            body=orjson.dumps(job), content_type="application/json", headers={"Wayside-Cursor": cursor}
        )

    async def _upload(self, request: web.Request) -> web.Response:
        self.received = 0
        async for chunk in request.content.iter_any():
            self.received += len(chunk)
        return web.json_response({"received": self.received})

    async def _download(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(int(request.match_info["megabytes"])):
            await response.write(bytes(1024 * 1024))
        return response

    async def _break_off(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"half")
        await asyncio.sleep(0.01)
        assert request.transport is not None
        request.transport.abort()
        return response

    async def _echo(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        return web.json_response(
            {
                "method": request.method,
                "path": request.raw_path,
                "headers": {name.lower(): value for name, value in request.headers.items()},
                "body": (await request.content.read()).decode("latin-1"),
            },
            headers={"Connection": "X-Private", "X-Private": "1", "X-Public": "2"},
        )
