"""What the queries of several routes have in common."""

from typing import Annotated, Literal

from pydantic import Field

from wayside_events.contracts.problems import FieldError
from wayside_events.identifiers import Scope, ScopeName, parse_scope
from wayside_governance.service.pages import Page
from wayside_service.auth import ALL_SCOPES, Principal, Role
from wayside_service.errors import InvalidInput
from wayside_service.http import ClosedModel

Include = Literal["suggested"]
"""`suggested` adds pending suggestions as ghost edges, flagged by their status."""


class ScopeQuery(ClosedModel):
    """Names a scope; may be left out by who has just one."""

    scope: Scope | None = None


class ListQuery(ScopeQuery):
    """Names a part of a list."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    page: str | None = None

    @property
    def wanted_page(self) -> Page:
        """The part of the list."""
        return Page(self.limit, self.page)


def scope_of(query: ScopeQuery, principal: Principal, role: Role = Role.VIEWER) -> ScopeName:
    """Return the scope a request is about; raises `InvalidInput` when the caller has to name one."""
    if query.scope is not None:
        return query.scope
    scopes = principal.scopes(role)
    if len(scopes) != 1 or ALL_SCOPES in scopes:
        error = FieldError(
            field="?scope", code="missing", message="Name a scope: the token is good for several"
        )
        raise InvalidInput("?scope: Name a scope: the token is good for several.", errors=[error])
    return parse_scope(next(iter(scopes)))
