"""Reports over HTTP."""

from datetime import UTC, datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field

from wayside_events.contracts.governance import CalibrationReport, Period
from wayside_events.contracts.problems import FieldError
from wayside_events.edges import RelationshipType
from wayside_events.envelope import Timestamp
from wayside_governance.domain.calibration import Span
from wayside_governance.routes.keys import CALIBRATION
from wayside_governance.routes.parameters import ScopeQuery, scope_of
from wayside_governance.service.calibrating import REPORTED_TIME, Shape
from wayside_service.auth import Principal, Role
from wayside_service.errors import InvalidInput
from wayside_service.http import RouteTable

routes = RouteTable(tags=["reports"])


class CalibrationQuery(ScopeQuery):
    """What a report is about: the last 90 days, unless it says `since` or `until`."""

    since: Timestamp | None = None
    until: Timestamp | None = None
    relationship_type: RelationshipType | None = None
    source_model: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    bins: Annotated[int, Field(ge=2, le=50)] = 10
    period: Period = Period.WEEK


@routes.get(
    "/v1/reports/calibration",
    summary="Report how often people accept what machines are so and so sure of",
    answers={200: CalibrationReport},
    role=Role.VIEWER,
)
async def get_calibration(
    request: web.Request, principal: Principal, query: CalibrationQuery
) -> CalibrationReport:
    """By source model and relationship type, the largest groups first, each with all sources together as one more."""
    until = query.until or datetime.now(UTC)
    since = query.since or until - REPORTED_TIME
    if since >= until:
        message = "The report would be about no time at all"
        error = FieldError(field="?since", code="contradiction", message=message)
        raise InvalidInput(f"?since: {message}.", errors=[error])
    span = Span(scope_of(query, principal), since, until, query.relationship_type, query.source_model)
    return await request.app[CALIBRATION].report(span, Shape(query.bins, query.period))
