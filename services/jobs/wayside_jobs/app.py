"""The composition root: makes every resource, and closes them in reverse."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from importlib.resources import files
from uuid import uuid4

from aiohttp import web

from wayside_events.bus import Bus
from wayside_events.catalogue import PROGRESS_TYPE
from wayside_events.contracts.jobs import WAKE_SUBJECT
from wayside_jobs.routes import ROUTES
from wayside_jobs.routes.parameters import JOBS
from wayside_jobs.rpc import Rpc
from wayside_jobs.service.jobs import Jobs
from wayside_jobs.service.statuses import JOBS_STATUSES, STATUSES
from wayside_jobs.settings import JobsSettings
from wayside_jobs.store import Store
from wayside_service.app import create_app
from wayside_service.auth import BearerAuthenticator, verifier_for
from wayside_service.bus import bus_for, bus_resource
from wayside_service.database import Database, database_resource, load_migrations
from wayside_service.database.migrations import Migration
from wayside_service.http import ApiInfo
from wayside_service.metrics import METRICS
from wayside_service.outbox import Relay, outbox_resource
from wayside_service.problems import rpc_problems

NAME = "wayside-jobs"
SCHEMA = "jobs"


def build(settings: JobsSettings) -> web.Application:
    """Return the application, not running."""
    bus = bus_for(settings, name="jobs")
    database = Database(settings, schema=SCHEMA, migrations=migrations())
    app = create_app(
        ApiInfo("Wayside jobs", version(NAME), "Every long-running operation, wherever it runs."),
        routes=ROUTES,
        authenticator=BearerAuthenticator(verifier_for(settings)),
        errors=JOBS_STATUSES,
    )
    registry = app[METRICS].registry
    relay = Relay(
        database, bus, wake_subject=WAKE_SUBJECT, conflated_types={PROGRESS_TYPE}, registry=registry
    )
    jobs = Jobs.of(Store(database), bus, settings, instance=uuid4().hex, registry=registry)
    jobs.announcer.on_events(relay.wake)
    app[JOBS] = jobs
    app.cleanup_ctx.extend(
        [
            database_resource(database),
            bus_resource(bus, _serving(jobs)),
            outbox_resource(relay),
            jobs_resource(jobs),
        ]
    )
    return app


def migrations() -> Sequence[Migration]:
    """Return the migrations of the jobs schema."""
    return load_migrations(files("wayside_jobs") / "migrations")


def jobs_resource(jobs: Jobs) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the `cleanup_ctx` that runs sweepers and announcements, and in the end answers who waits."""

    async def context(_app: web.Application) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(jobs.announcer.run(), name="announcer"),
            asyncio.create_task(jobs.sweeper.run(), name="sweeper"),
        ]
        yield
        await jobs.close()
        for task in reversed(tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return context


def _serving(jobs: Jobs) -> Callable[[Bus], Awaitable[None]]:
    async def serve(bus: Bus) -> None:
        await bus.listen(WAKE_SUBJECT, jobs.announcer.hear)
        await bus.serve(
            name=NAME,
            version=version(NAME),
            endpoints=Rpc(jobs).endpoints(),
            problem_of=rpc_problems(STATUSES),
        )

    return serve
