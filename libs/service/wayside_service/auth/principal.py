"""Roles, and a caller with the roles they hold in each scope."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from wayside_service.errors import Forbidden, ScopeForbidden

ALL_SCOPES = "*"


class Role(StrEnum):
    """What someone may do in a scope."""

    VIEWER = "viewer"  # read
    OPERATOR = "operator"  # create, cancel and retry jobs; pause queues
    REVIEWER = "reviewer"  # decide suggestions
    RUNNER = "runner"  # claim jobs and report on them
    ADMIN = "admin"  # everything


_IMPLIED_BY: Mapping[Role, frozenset[Role]] = MappingProxyType(
    {
        Role.VIEWER: frozenset(Role),
        Role.OPERATOR: frozenset({Role.OPERATOR, Role.ADMIN}),
        Role.REVIEWER: frozenset({Role.REVIEWER, Role.ADMIN}),
        Role.RUNNER: frozenset({Role.RUNNER, Role.ADMIN}),
        Role.ADMIN: frozenset({Role.ADMIN}),
    }
)


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `grants` maps a scope, or `*` for all, to roles."""

    subject: str
    grants: Mapping[str, frozenset[Role]]
    expires_at: datetime

    def may(self, role: Role, scope: str) -> bool:
        """Whether the caller has `role`, or one that implies it, in `scope`."""
        wanted = _IMPLIED_BY[role]
        held = self.grants.get(scope, frozenset()) | self.grants.get(ALL_SCOPES, frozenset())
        return not wanted.isdisjoint(held)

    def scopes(self, role: Role) -> frozenset[str]:
        """The scopes in which the caller has `role`; contains `*` when that is all of them."""
        wanted = _IMPLIED_BY[role]
        return frozenset(scope for scope, held in self.grants.items() if not wanted.isdisjoint(held))

    def require(self, role: Role, scope: str | None = None, *, field: str | None = None) -> None:
        """Raise `ScopeForbidden` unless the caller has `role` in `scope`; without one, `Forbidden` unless in any.

        `field` is where the request names the scope, if it does.
        """
        if scope is None:
            if not self.scopes(role):
                msg = f"You need the role {role} to do this."
                raise Forbidden(msg)
        elif not self.may(role, scope):
            raise ScopeForbidden(role_needed(scope, role), field=field)


def role_needed(scope: str, *roles: Role) -> str:
    """Say which role, of several that would do, somebody lacks in a scope."""
    where = "all scopes" if scope == ALL_SCOPES else f"the scope {scope}"
    return f"You need the role {' or '.join(roles)} in {where} to do this."
