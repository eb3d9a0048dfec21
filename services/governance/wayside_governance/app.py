"""The composition root: makes every resource, and closes them in reverse."""

from collections.abc import AsyncIterator, Callable, Sequence
from importlib.metadata import version
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from aiohttp import web

from wayside_events.bus import Bus
from wayside_events.contracts.governance import WAKE_SUBJECT
from wayside_governance import rpc
from wayside_governance.metrics import GovernanceMetrics
from wayside_governance.routes import ROUTES
from wayside_governance.routes.keys import (
    AUDIT,
    BULK,
    CALIBRATION,
    DECISIONS,
    EXPLAIN,
    EXPORT,
    GRAPH,
    IMPORT,
    INTAKE,
    POLICIES,
    QUERIES,
    REVIEWS,
    RULES,
    SIMULATOR,
    WITHDRAWALS,
)
from wayside_governance.service.auditing import AuditService
from wayside_governance.service.bulk import BulkService
from wayside_governance.service.bulk_running import BulkRunner, bulk_resource
from wayside_governance.service.bulk_work import BulkWork
from wayside_governance.service.calibrating import CalibrationService
from wayside_governance.service.deciding import Decider
from wayside_governance.service.decisions import DecisionService
from wayside_governance.service.expiring import Expirer
from wayside_governance.service.explaining import ExplainService
from wayside_governance.service.exporting import ExportService
from wayside_governance.service.graph import GraphService
from wayside_governance.service.importing import ImportService
from wayside_governance.service.intake import IntakeService
from wayside_governance.service.policies import PolicyService
from wayside_governance.service.policy_metrics import PolicyMetrics
from wayside_governance.service.policy_runner import PolicyRunner
from wayside_governance.service.problems import ERROR_STATUSES
from wayside_governance.service.queries import QueryService
from wayside_governance.service.retention import Retainer
from wayside_governance.service.reviewing import ReviewService
from wayside_governance.service.rules import KnownSettings, RuleService
from wayside_governance.service.sealing import Sealer, sealing_resource
from wayside_governance.service.simulating import Simulator
from wayside_governance.service.sweeping import Sweeper, sweeping_resource
from wayside_governance.service.withdrawing import WithdrawalService
from wayside_governance.settings import GovernanceSettings
from wayside_service.app import create_app
from wayside_service.auth import BearerAuthenticator, verifier_for
from wayside_service.bus import bus_for, bus_resource, bus_settings_for
from wayside_service.database import Database, database_resource, load_migrations
from wayside_service.database.migrations import Migration
from wayside_service.http import ApiInfo
from wayside_service.idempotency import Once, forgetting_resource
from wayside_service.metrics import METRICS
from wayside_service.middleware import ERRORS
from wayside_service.outbox import Relay, outbox_resource
from wayside_service.problems import rpc_problems
from wayside_service.rpc import Observer
from wayside_service.tasks import background
from wayside_service.tracing import spans_for

SCHEMA = "governance"

SESSION: Final = MappingProxyType(
    {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}
)
"""Planning a decision anew took longer than deciding; a list says that it wants a plan for its filters.

A plan that reads the whole table, made while that was small, would be kept until somebody analyzes it.
"""


def build(settings: GovernanceSettings) -> web.Application:
    """Return the application, not running."""
    bus = bus_for(settings, name="governance")
    database = Database(settings, schema=SCHEMA, migrations=migrations(), session=SESSION)
    app = create_app(
        ApiInfo("Wayside governance", version("wayside-governance"), "Suggestions, decisions and the graph."),
        routes=ROUTES,
        authenticator=BearerAuthenticator(verifier_for(settings)),
        errors=ERROR_STATUSES,
        spans=spans_for(settings, service="governance"),
    )
    relay = Relay(database, bus, wake_subject=WAKE_SUBJECT, registry=app[METRICS].registry)
    metrics = GovernanceMetrics(app[METRICS].registry)
    decider = Decider(database, relay.wake, settings.reject_reason_codes, metrics)
    policies = PolicyRunner(database, decider, PolicyMetrics(app[METRICS].registry))

    def wake_all() -> None:
        relay.wake()
        policies.wake()

    known = KnownSettings()
    intake = IntakeService(database, wake_all, metrics, known)
    app[INTAKE] = intake
    app[RULES] = RuleService(database, dict.fromkeys(sorted(settings.reject_reason_codes)), known)
    once = Once(database)
    withdrawals = WithdrawalService(decider, once)
    app[WITHDRAWALS] = withdrawals
    app[DECISIONS] = DecisionService(decider, once)
    app[EXPORT] = ExportService(database)
    app[IMPORT] = ImportService(decider)
    bulk_work = BulkWork(decider)
    bulk_runner = BulkRunner(database, bulk_work, bus)
    app[BULK] = BulkService(database, once, bulk_work, bulk_runner.employ)
    app[REVIEWS] = ReviewService(database, once)
    app[QUERIES] = QueryService(database)
    app[GRAPH] = GraphService(database)
    app[EXPLAIN] = ExplainService(database)
    app[POLICIES] = PolicyService(database, wake_all, once, app[RULES])
    app[SIMULATOR] = Simulator(database)
    app[AUDIT] = AuditService(database)
    app[CALIBRATION] = CalibrationService(database)

    async def serve_requests(bus: Bus) -> None:
        await bus.serve(
            name="wayside-governance",
            version=version("wayside-governance"),
            endpoints=Observer(app).endpoints(rpc.endpoints(intake, withdrawals)),
            problem_of=rpc_problems(app[ERRORS]),
        )

    app.cleanup_ctx.extend(
        [
            database_resource(database),
            bus_resource(bus, serve_requests),
            outbox_resource(relay),
            policies_resource(policies, database),
            forgetting_resource(once),
            bulk_resource(
                bulk_runner, bus_settings_for(settings, name="governance-bulk"), slots=settings.bulk_slots
            ),
            sealing_resource(Sealer(database, relay.wake, settings.audit_seal_seconds)),
            sweeping_resource(
                Sweeper(database, Expirer(decider), Retainer(database), settings.sweep_seconds)
            ),
        ]
    )
    return app


def policies_resource(
    policies: PolicyRunner, database: Database
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the `cleanup_ctx` that lets policies decide."""

    async def run() -> None:
        await database.ready()
        await policies.run()

    async def context(_app: web.Application) -> AsyncIterator[None]:
        async with background(run(), "policies"):
            yield

    return context


def migrations() -> Sequence[Migration]:
    """Return the migrations of governance's schema."""
    return load_migrations(files("wayside_governance") / "migrations")
