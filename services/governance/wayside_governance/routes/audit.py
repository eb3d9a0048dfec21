"""The audit chain over HTTP."""

from typing import Annotated, Self

from aiohttp import web
from pydantic import Field, model_validator

from wayside_events.contracts.governance import AuditPage, AuditVerification
from wayside_events.envelope import Timestamp
from wayside_governance.domain.audit import EntryFilters
from wayside_governance.domain.errors import InvalidPage
from wayside_governance.routes.keys import AUDIT
from wayside_governance.routes.parameters import ListQuery, ScopeQuery, scope_of
from wayside_governance.service.auditing import KnownHead
from wayside_service.auth import Principal, Role
from wayside_service.http import RouteTable

routes = RouteTable(tags=["audit"])

Name = Annotated[str, Field(min_length=1, max_length=256)]
Place = Annotated[int, Field(ge=0, lt=2**63)]


class AuditQuery(ListQuery):
    """Filters of entries; `since` is among them, `before` is not."""

    actor: Name | None = None
    action: Name | None = None
    subject: Name | None = None
    since: Timestamp | None = None
    before: Timestamp | None = None


class VerifyQuery(ScopeQuery):
    """Where to begin, and a head to look for: `position` and `hash` as an event or an earlier answer had them."""

    after: Place = 0
    position: Place | None = None
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.position is None) != (self.hash is None):
            raise ValueError("position and hash belong together")
        return self

    @property
    def known(self) -> KnownHead | None:
        """The head to look for."""
        if self.position is None or self.hash is None:
            return None
        return KnownHead(self.position, bytes.fromhex(self.hash))


@routes.get(
    "/v1/audit",
    summary="List what was done in a scope",
    answers={200: AuditPage},
    role=Role.VIEWER,
    errors=[InvalidPage],
)
async def list_entries(request: web.Request, principal: Principal, query: AuditQuery) -> AuditPage:
    """The latest first: decisions, changes of settings, types and policies, bulk actions, imports, runs of retention."""
    filters = EntryFilters(
        scope_of(query, principal), query.actor, query.action, query.subject, query.since, query.before
    )
    return await request.app[AUDIT].entries(filters, query.wanted_page)


@routes.get(
    "/v1/audit/verify",
    summary="Verify the audit chain of a scope",
    answers={200: AuditVerification},
    role=Role.VIEWER,
)
async def verify_chain(request: web.Request, principal: Principal, query: VerifyQuery) -> AuditVerification:
    """Recomputes every hash, for about a second; a longer chain is verified by calls that go on at `next_after`.

    The chain alone cannot show that its end was cut off. Keep a head from outside, from `edges.audit.sealed` or an
    earlier answer, and ask for it.
    """
    return await request.app[AUDIT].verify(scope_of(query, principal), query.after, query.known)
