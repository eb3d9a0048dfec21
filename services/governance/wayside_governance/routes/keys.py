"""Where handlers find the use cases."""

from typing import Final

from aiohttp import web

from wayside_governance.service.auditing import AuditService
from wayside_governance.service.bulk import BulkService
from wayside_governance.service.calibrating import CalibrationService
from wayside_governance.service.decisions import DecisionService
from wayside_governance.service.explaining import ExplainService
from wayside_governance.service.exporting import ExportService
from wayside_governance.service.graph import GraphService
from wayside_governance.service.importing import ImportService
from wayside_governance.service.intake import IntakeService
from wayside_governance.service.policies import PolicyService
from wayside_governance.service.queries import QueryService
from wayside_governance.service.reviewing import ReviewService
from wayside_governance.service.rules import RuleService
from wayside_governance.service.simulating import Simulator
from wayside_governance.service.withdrawing import WithdrawalService

INTAKE: Final = web.AppKey("governance_intake", IntakeService)
WITHDRAWALS: Final = web.AppKey("governance_withdrawals", WithdrawalService)
DECISIONS: Final = web.AppKey("governance_decisions", DecisionService)
QUERIES: Final = web.AppKey("governance_queries", QueryService)
GRAPH: Final = web.AppKey("governance_graph", GraphService)
POLICIES: Final = web.AppKey("governance_policies", PolicyService)
SIMULATOR: Final = web.AppKey("governance_simulator", Simulator)
RULES: Final = web.AppKey("governance_rules", RuleService)
AUDIT: Final = web.AppKey("governance_audit", AuditService)
CALIBRATION: Final = web.AppKey("governance_calibration", CalibrationService)
REVIEWS: Final = web.AppKey("governance_reviews", ReviewService)
EXPLAIN: Final = web.AppKey("governance_explain", ExplainService)
BULK: Final = web.AppKey("governance_bulk", BulkService)
EXPORT: Final = web.AppKey("governance_export", ExportService)
IMPORT: Final = web.AppKey("governance_import", ImportService)
