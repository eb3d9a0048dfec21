"""What the routes have in common: where the use cases are, and parts of queries."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from wayside_events.contracts.problems import FieldError
from wayside_events.identifiers import Scope, ScopeName, parse_scope
from wayside_jobs.service.jobs import Jobs
from wayside_jobs.service.repeating import Caller
from wayside_service.auth import ALL_SCOPES, Principal, Role, role_needed
from wayside_service.errors import InvalidInput, ScopeForbidden
from wayside_service.http import ClosedModel, Reply

_REPLAYED: Final = MappingProxyType({"Idempotent-Replayed": "true"})
"""As Stripe has it; the IETF's draft of `Idempotency-Key` asks for the first answer and names no such header."""

JOBS: Final = web.AppKey("wayside_jobs", Jobs)

NameFilter = Annotated[str, Field(min_length=1, max_length=200)]
"""What names a session, a related thing or a person."""


class PageQuery(ClosedModel):
    """Names a part of a list."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    page: str | None = None


class ScopeQuery(PageQuery):
    """Names a scope; may be left out by who has just one."""

    scope: Scope | None = None


class IdempotencyHeaders(BaseModel):
    """A key makes a repeat of the same request harmless for 24 hours."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    idempotency_key: str | None = Field(
        default=None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description=(
            "For 24 hours, and of a child as long as its parent is active, a repeat of the request gets the first "
            "answer, status and body, with the header `Idempotent-Replayed: true`. An answer of 4xx or 5xx takes no key."
        ),
    )


def once(status: int, body: bytes, *, is_replay: bool) -> Reply:
    """Return an answer as it was given first; one that was given before says so."""
    return Reply(body, status=status, headers=_REPLAYED if is_replay else {})


def scope_of(query: ScopeQuery, principal: Principal) -> ScopeName:
    """Return the scope a list is about; raises `InvalidInput` when the caller has to name one."""
    if query.scope is not None:
        return query.scope
    scopes = principal.scopes(Role.VIEWER)
    if len(scopes) != 1 or ALL_SCOPES in scopes:
        message = "Name a scope: the token is good for several."
        raise InvalidInput(
            f"?scope: {message}", errors=[FieldError(field="?scope", code="missing", message=message)]
        )
    return parse_scope(next(iter(scopes)))


async def operator_of(
    request: web.Request, principal: Principal, job_id: str, headers: IdempotencyHeaders
) -> Caller:
    """Return the caller as an operator of a job's scope; raises `JobNotFound` or `ScopeForbidden`."""
    scope = await request.app[JOBS].reader.scope_of(job_id, lambda scope: principal.may(Role.VIEWER, scope))
    require_one_of(principal, scope, Role.OPERATOR)
    return Caller(scope=scope, subject=principal.subject, key=headers.idempotency_key)


def require_one_of(principal: Principal, scope: str, *roles: Role, field: str | None = None) -> None:
    """Raise `ScopeForbidden` unless the caller has one of the roles in the scope; `field` is where it is named."""
    if not any(principal.may(role, scope) for role in roles):
        raise ScopeForbidden(role_needed(scope, *roles), field=field)


def visible_scopes(principal: Principal) -> list[str] | None:
    """Return the scopes the caller may see, `None` for all."""
    scopes = principal.scopes(Role.VIEWER)
    return None if ALL_SCOPES in scopes else sorted(scopes)


def sees(principal: Principal) -> Callable[[str], bool]:
    """Whether the caller may see what is in a scope."""
    return lambda scope: principal.may(Role.VIEWER, scope)
