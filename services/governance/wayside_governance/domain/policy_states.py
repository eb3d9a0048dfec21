"""A policy as it stands, and its verbs: each returns the new value; the store locks the row before."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from wayside_events.contracts.governance import PolicyState, Suspension
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.policies import Trip
from wayside_governance.domain.policy_errors import PolicyIsSuspended, StaleVersion


@dataclass(frozen=True, slots=True)
class PolicyStanding:
    """Which version of a policy is the present one, and whether it acts. `revision` grows with each change."""

    id: EntityId
    scope: ScopeName
    name: str
    version: int
    revision: int
    state: PolicyState
    changed_by: str
    changed_at: datetime
    enabled_at: datetime | None = None
    suspension: Suspension | None = None
    deleted_at: datetime | None = None

    @property
    def present_version(self) -> int:
        """The version a caller can know of: none of a policy that is deleted."""
        return 0 if self.deleted_at else self.version

    def put(self, by: str, at: datetime) -> Self:
        """Enabled stays enabled, all else becomes disabled; what was said of the last version is of no concern."""
        is_enabled = self.state is PolicyState.ENABLED
        changed = self._changed(PolicyState.ENABLED if is_enabled else PolicyState.DISABLED, by, at)
        return replace(
            changed,
            version=self.version + 1,
            enabled_at=at if is_enabled else None,
            suspension=None,
            deleted_at=None,
        )

    def enable(self, by: str, at: datetime, reason: str | None) -> Self:
        """disabled, suspended → enabled; raises `PolicyIsSuspended` without a reason for the latter."""
        if self.state is PolicyState.ENABLED:
            return self
        if self.suspension is not None and reason is None:
            raise PolicyIsSuspended
        return replace(self._changed(PolicyState.ENABLED, by, at), enabled_at=at, suspension=None)

    def disable(self, by: str, at: datetime) -> Self:
        """enabled → disabled. A suspended one stays suspended: else enabling it would take no reason."""
        if self.state is not PolicyState.ENABLED:
            return self
        return replace(self._changed(PolicyState.DISABLED, by, at), enabled_at=None)

    def suspend(self, trip: Trip, by: str, at: datetime) -> Self:
        """enabled → suspended."""
        suspension = Suspension(
            cause=trip.cause,
            detail=trip.detail,
            checked=trip.held_out.total,
            agreed=trip.held_out.hits,
            promised=trip.promised,
            at=at,
        )
        changed = self._changed(PolicyState.SUSPENDED, by, at)
        return replace(changed, enabled_at=None, suspension=suspension)

    def delete(self, by: str, at: datetime) -> Self:
        """any → gone from lists; versions stay, and the name stays taken."""
        changed = self._changed(PolicyState.DISABLED, by, at)
        return replace(changed, enabled_at=None, suspension=None, deleted_at=at)

    def expect(self, version: int | None) -> None:
        """Raise `StaleVersion` unless this is the version the caller saw, if they say which."""
        if version is not None and version != self.present_version:
            raise StaleVersion(version, self.present_version)

    def _changed(self, state: PolicyState, by: str, at: datetime) -> Self:
        return replace(self, state=state, revision=self.revision + 1, changed_by=by, changed_at=at)
