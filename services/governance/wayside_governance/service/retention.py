"""Dropping of what a scope keeps for a time only: payloads, reasoning and notes. Hashes and the audit stay."""

from dataclasses import dataclass
from typing import Final

from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import ScopeName
from wayside_governance.domain.audit import Entry
from wayside_governance.domain.rules import Settings
from wayside_governance.store import audit
from wayside_governance.store import lifetimes as stored
from wayside_service.database import Database

RETENTION: Final = "system:retention"
"""Who drops contents, in the audit."""

_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Retainer:
    """Drops contents whose time is over; instances that do so at once take different ones."""

    database: Database
    batch: int = _BATCH

    async def sweep(self, scope: ScopeName, settings: Settings) -> int:
        """Drop all of a scope that is due, a batch in each transaction; returns of how many suggestions."""
        total = 0
        for status, seconds in settings.retention.items():
            while seconds is not None and (dropped := await self._drop_some(scope, status, seconds)):
                total += dropped
        await self._silence_bulks(scope, settings)
        return total

    async def _silence_bulks(self, scope: ScopeName, settings: Settings) -> None:
        """Drop the notes of bulks once the longest time of the scope is over: one note is of many suggestions."""
        times = [seconds for seconds in settings.retention.values() if seconds is not None]
        while times and await self._silence_some(scope, max(times)):
            pass

    async def _drop_some(self, scope: ScopeName, status: SuggestionStatus, seconds: int) -> int:
        async with self.database.transaction() as connection:
            dropped = await stored.drop_content(connection, scope, status, seconds, self.batch)
            if not dropped.suggestions:
                return 0
            details = {
                "evidence": dropped.evidence,
                "kept_seconds": seconds,
                "notes": dropped.notes,
                "suggestions": dropped.suggestions,
            }
            entry = Entry(scope, dropped.at, RETENTION, "retention.run", status, details)
            await audit.append(connection, [entry])
        return dropped.suggestions

    async def _silence_some(self, scope: ScopeName, seconds: int) -> int:
        async with self.database.transaction() as connection:
            notes, at = await stored.drop_bulk_notes(connection, scope, seconds, self.batch)
            if notes:
                details = {"kept_seconds": seconds, "notes": notes}
                await audit.append(
                    connection, [Entry(scope, at, RETENTION, "retention.run", "bulks", details)]
                )
        return notes
