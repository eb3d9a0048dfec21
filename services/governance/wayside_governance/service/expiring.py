"""Expiry of suggestions that nobody decided in time."""

from dataclasses import dataclass
from typing import Final

from wayside_events.contracts.governance import Verdict
from wayside_events.identifiers import ScopeName
from wayside_governance.domain.errors import GovernanceError
from wayside_governance.domain.rules import Settings
from wayside_governance.domain.verdicts import Wanted
from wayside_governance.service.deciding import Decider
from wayside_governance.store import lifetimes as stored

EXPIRY: Final = "system:expiry"
"""Who decides that a suggestion has expired."""

_BATCH: Final = 500
_LOCK: Final = "wayside.governance.expiry"


@dataclass(frozen=True, slots=True)
class Expirer:
    """Lets suggestions expire, on one instance at a time."""

    decider: Decider
    batch: int = _BATCH

    async def sweep(self, scope: ScopeName, settings: Settings) -> int:
        """Let all of a scope expire whose time is over, a batch in each transaction; returns how many."""
        ttl_seconds = settings.pending_ttl_seconds
        if ttl_seconds is None:
            return 0
        total = 0
        while expired := await self._expire_some(scope, ttl_seconds):
            total += expired
        return total

    async def _expire_some(self, scope: ScopeName, ttl_seconds: int) -> int:
        async with self.decider.database.transaction() as connection:
            if not await stored.try_lock(connection, _LOCK):
                return 0
            due = await stored.due(connection, scope, ttl_seconds, self.batch)
            wanted = [Wanted(one.id, Verdict.EXPIRE, EXPIRY, one.revision, scope) for one in due]
            results = await self.decider.decide(connection, wanted) if wanted else []
        self.decider.committed(results)
        return sum(not isinstance(result, GovernanceError) for result in results)
