"""An aiohttp application with everything a service has, and how it is run."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import structlog
import uvloop
from aiohttp import web

from wayside_service.auth.bearer import AUTHENTICATOR, Authenticator
from wayside_service.errors import ERROR_STATUSES, ErrorTable
from wayside_service.health import HEALTH, Health, healthz, readyz
from wayside_service.http.mount import add_routes
from wayside_service.http.openapi import ApiInfo
from wayside_service.http.route import Route
from wayside_service.http.server import ProblemRunner
from wayside_service.logging import configure_logging
from wayside_service.metrics import METRICS, Metrics, loop_lag, metrics_endpoint
from wayside_service.middleware import ERRORS, access_log, problems, request_context, stream_position
from wayside_service.middleware.context import answer_headers
from wayside_service.settings import ServiceSettings
from wayside_service.tracing import SPANS, PassThrough, Spans

CleanupContext = Callable[[web.Application], AsyncIterator[None]]

log = structlog.get_logger("wayside_service.app")

_COLLECTOR_THRESHOLDS = (50_000, 20, 100)

BACKLOG = 4096
"""Connections that may wait to be accepted: after a restart, thousands of clients come back at once."""


def create_app(
    info: ApiInfo,
    *,
    routes: Iterable[Route],
    authenticator: Authenticator,
    errors: ErrorTable | None = None,
    resources: Iterable[CleanupContext] = (),
    spans: Spans | None = None,
) -> web.Application:
    """Return the application of a service, not running.

    `errors` adds the statuses of the service's own error classes. `resources` are opened in order at start and
    closed in reverse; they put what they open under typed `AppKey`s. `spans` comes from `spans_for(settings)`.
    """
    app = web.Application(middlewares=[request_context, access_log, problems, stream_position])
    app[AUTHENTICATOR] = authenticator
    app[ERRORS] = {**ERROR_STATUSES, **(errors or {})}
    app[HEALTH] = Health()
    app[METRICS] = Metrics()
    app[SPANS] = spans or PassThrough()
    app.on_response_prepare.append(answer_headers)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics_endpoint)
    add_routes(app, routes, info, app[ERRORS])
    app.cleanup_ctx.extend([loop_lag, *resources])
    return app


def run_service(
    name: str,
    settings: ServiceSettings,
    build: Callable[[], web.Application],
    *,
    cancel_on_disconnect: bool = False,
) -> None:
    """Run a service until SIGTERM or SIGINT; `build` is called in the running event loop.

    With `cancel_on_disconnect`, a handler is cancelled when its client goes away: for streams, not for writes.
    """
    configure_logging(service=name, level=settings.log_level, log_format=settings.log_format)

    async def main() -> None:
        app = build()
        _collect_rarely()
        await serve(app, settings, cancel_on_disconnect=cancel_on_disconnect)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def _collect_rarely() -> None:
    """Leave out of garbage collection what is there for good, and look for cycles less often.

    Batches make many objects and hardly a cycle: the collector took a fifth of the time of a job.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)


async def serve(
    app: web.Application,
    settings: ServiceSettings,
    stop: asyncio.Event | None = None,
    *,
    cancel_on_disconnect: bool = False,
) -> None:
    """Serve `app` until `stop` is set or the process is asked to end, then let open requests finish."""
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = ProblemRunner(
        app,
        access_log=None,
        shutdown_timeout=settings.shutdown_timeout_seconds,
        handler_cancellation=cancel_on_disconnect,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG)
        await site.start()
        port = int(runner.addresses[0][1])
        if settings.port_file is not None:
            await asyncio.to_thread(_write_port, settings.port_file, port)
        log.info("serving", host=settings.host, port=port)
        await stop.wait()
        log.info("stopping")
    finally:
        await runner.cleanup()


def _write_port(path: Path, port: int) -> None:
    """Write atomically: who waits for the file never reads half a number."""
    partial = path.with_suffix(f"{path.suffix}.partial")
    partial.write_text(f"{port}\n")
    partial.replace(path)
