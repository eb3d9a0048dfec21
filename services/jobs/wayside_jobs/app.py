"""The composition root: makes every resource, and closes them in reverse."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from importlib.metadata import version
from importlib.resources import files
from types import MappingProxyType
from typing import Final
from uuid import uuid4

from aiohttp import web

from wayside_events.bus import Bus
from wayside_events.catalogue import PROGRESS_TYPE
from wayside_events.contracts.jobs import WAKE_SUBJECT
from wayside_jobs.routes import ROUTES
from wayside_jobs.routes.parameters import JOBS
from wayside_jobs.rpc import Rpc
from wayside_jobs.service.jobs import Jobs
from wayside_jobs.service.statuses import JOBS_STATUSES
from wayside_jobs.settings import JobsSettings
from wayside_jobs.store import Store
from wayside_service.app import create_app
from wayside_service.auth import BearerAuthenticator, verifier_for
from wayside_service.bus import bus_for, bus_resource
from wayside_service.database import Database, database_resource, load_migrations
from wayside_service.database.migrations import Migration
from wayside_service.http import ApiInfo
from wayside_service.metrics import METRICS
from wayside_service.middleware import ERRORS
from wayside_service.outbox import Relay, outbox_resource
from wayside_service.problems import rpc_problems
from wayside_service.rpc import Observer
from wayside_service.tasks import background

NAME = "wayside-jobs"
SCHEMA = "jobs"

SESSION: Final = MappingProxyType(
    {
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
        "jit": "off",
    }
)
"""Each statement is written to have one good plan, by an index (`tests/jobs/test_plans.py` has the same settings).

To plan a large one anew can take longer than to run it; and a plan that reads the whole table, made while that was
small, would be kept for as long as nobody analyzes it."""


def build(settings: JobsSettings) -> web.Application:
    """Return the application, not running."""
    bus = bus_for(settings, name="jobs")
    database = Database(settings, schema=SCHEMA, migrations=migrations(), session=SESSION)
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
            bus_resource(bus, _serving(app, jobs)),
            outbox_resource(relay),
            jobs_resource(jobs, database),
        ]
    )
    return app


def migrations() -> Sequence[Migration]:
    """Return the migrations of the jobs schema."""
    return load_migrations(files("wayside_jobs") / "migrations")


def jobs_resource(jobs: Jobs, database: Database) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the `cleanup_ctx` that runs sweepers and announcements, and in the end answers who waits."""

    async def sweep() -> None:
        await database.ready()
        async with asyncio.TaskGroup() as group:
            group.create_task(jobs.sweeper.run())
            group.create_task(jobs.flow.run())
            group.create_task(jobs.retention.run())
            group.create_task(jobs.statistics.run())
            group.create_task(jobs.cascader.run())
            group.create_task(jobs.bulk_runner.run())
            group.create_task(jobs.rollup.run())
            group.create_task(jobs.awaits.run())

    async def context(_app: web.Application) -> AsyncIterator[None]:
        async with background(jobs.announcer.run(), "announcer"), background(sweep(), "sweeper"):
            yield
            await jobs.close()

    return context


def _serving(app: web.Application, jobs: Jobs) -> Callable[[Bus], Awaitable[None]]:
    observer = Observer(app)

    async def serve(bus: Bus) -> None:
        bus.on_resume(jobs.desk.withdraw)
        await bus.listen(WAKE_SUBJECT, jobs.announcer.hear)
        await bus.serve(
            name=NAME,
            version=version(NAME),
            endpoints=observer.endpoints(Rpc(jobs).endpoints()),
            problem_of=rpc_problems(app[ERRORS]),
        )

    return serve
