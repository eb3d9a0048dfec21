"""Decisions of a scope as lines, read as they are written."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from wayside_events.contracts.governance import DecisionLine, Verdict
from wayside_events.identifiers import ScopeName
from wayside_governance.domain.wanted import Order, Position
from wayside_governance.service.pages import read_page, write_page
from wayside_governance.store import moving as stored
from wayside_service.database import Database

EXPORT_STEP = 1_000

_FIRST_ID = "00000000-0000-0000-0000-000000000000"


class DecisionFilters(NamedTuple):
    """Which decisions of a scope are wanted; None is any. They were made from `since` on, and `before` is not among them."""

    scope: ScopeName
    verdicts: tuple[Verdict, ...] = ()
    reviewed_by: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    in_force: bool = False

    def has(self, line: DecisionLine) -> bool:
        """Whether a decision of the scope is wanted."""
        return (
            (not self.verdicts or line.verdict in self.verdicts)
            and self.reviewed_by in (None, line.reviewed_by)
            and (self.since is None or line.reviewed_at >= self.since)
            and (self.before is None or line.reviewed_at < self.before)
            and (line.in_force or not self.in_force)
        )


@dataclass(frozen=True, slots=True)
class ExportService:
    """Reads decisions in the order they were recorded in."""

    database: Database

    def decisions(self, filters: DecisionFilters, after: str | None) -> AsyncIterator[list[DecisionLine]]:
        """Return decisions, a thousand looked at after the other; `after` is that of a line. Raises `InvalidPage`."""
        return self._steps(filters, read_page(after, Order.OLDEST) or _start(filters))

    async def _steps(self, filters: DecisionFilters, reached: Position) -> AsyncIterator[list[DecisionLine]]:
        # A transaction a step: whoever reads slowly holds none.
        is_over = False
        while not is_over:
            async with self.database.transaction(readonly=True) as connection:
                found = await stored.decisions_after(connection, filters.scope, reached, limit=EXPORT_STEP)
            yield [_with_place(one) for one in found if filters.has(one.line)]
            is_over = len(found) < EXPORT_STEP
            reached = found[-1].position if found else reached


def _start(filters: DecisionFilters) -> Position:
    """Return where to begin: nothing is recorded before it was decided."""
    return Position(filters.since or datetime.min.replace(tzinfo=UTC), _FIRST_ID)


def _with_place(recorded: stored.Recorded) -> DecisionLine:
    return recorded.line.model_copy(update={"after": write_page(Order.OLDEST, recorded.position)})
