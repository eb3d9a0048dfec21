"""Working on a bulk: a few hundred suggestions in each transaction, with what became of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import structlog

from wayside_events.contracts.governance import BulkItemOutcome, DecisionBulkState
from wayside_events.contracts.problems import Problem
from wayside_events.identifiers import ScopeName
from wayside_governance.domain.bulk import Bulk, BulkNotFound, Handled, handled, wanted_of
from wayside_governance.domain.planning import Result
from wayside_governance.service.deciding import Decider
from wayside_governance.service.problems import item_problem
from wayside_governance.store import bulk as stored
from wayside_service.database import Connection
from wayside_service.errors import Unavailable

STEP: Final = 500
"""How many suggestions are decided in one transaction: their events are one batch of the stream."""

_BROKEN: Final = Problem(
    type="about:blank",
    title="Internal error",
    status=500,
    detail="The service failed at this suggestion; its log says why.",
    code="internal_error",
)

log = structlog.get_logger("wayside_governance.bulk")


@dataclass(frozen=True, slots=True)
class Step:
    """A bulk after a step, and what became of the suggestions of the step."""

    bulk: Bulk
    worked: tuple[Handled, ...] = ()


@dataclass(frozen=True, slots=True)
class BulkWork:
    """Works on bulks. Whoever dies between two steps leaves a bulk that another goes on with."""

    decider: Decider

    async def run(self, bulk_id: str, scope: ScopeName) -> AsyncIterator[Step]:
        """Work until the bulk of that scope runs no more, step by step; two at the same time share the work.

        A suggestion at which this service fails is found by halving, refused, and harms no other.
        """
        size = STEP
        while True:
            try:
                step = await self._step(bulk_id, scope, size)
            except (Unavailable, BulkNotFound):
                raise
            except Exception as error:
                if size > 1:
                    log.info("bulk_step_split", bulk_id=bulk_id, size=size, error=repr(error))
                    size //= 2
                    continue
                log.exception("bulk_item_failed", bulk_id=bulk_id)
                step = await self._pass_over(bulk_id, scope)
            else:
                size = min(STEP, size * 2)
            yield step
            if step.bulk.state is not DecisionBulkState.RUNNING:
                return

    async def _step(self, bulk_id: str, scope: ScopeName, size: int) -> Step:
        results: list[Result] = []
        async with self.decider.database.transaction() as connection:
            bulk = await _locked(connection, bulk_id, scope)
            if bulk.state is not DecisionBulkState.RUNNING:
                return Step(bulk)
            items = await stored.items_after(connection, bulk, size)
            if not items:
                ended = await stored.finish(connection, bulk.id, DecisionBulkState.DONE)
                return Step(ended or bulk)
            results = await self.decider.decide(connection, [wanted_of(bulk, item) for item in items])
            worked = tuple(map(handled, items, results))
            await stored.keep_failures(
                connection, bulk, [(one, problem_of(one)) for one in worked if one.error is not None]
            )
            bulk = await stored.advance(connection, bulk, worked)
        self.decider.committed(results)
        return Step(bulk, worked)

    async def _pass_over(self, bulk_id: str, scope: ScopeName) -> Step:
        """Refuse the next suggestion, at which this service fails."""
        async with self.decider.database.transaction() as connection:
            bulk = await _locked(connection, bulk_id, scope)
            items = await stored.items_after(connection, bulk, 1)
            worked = tuple(Handled(item, BulkItemOutcome.REFUSED) for item in items)
            await stored.keep_failures(connection, bulk, [(one, _BROKEN) for one in worked])
            bulk = await stored.advance(connection, bulk, worked)
        return Step(bulk, worked)


async def _locked(connection: Connection, bulk_id: str, scope: ScopeName) -> Bulk:
    found = await stored.lock(connection, bulk_id)
    if found is None or found[0].scope != scope:
        raise BulkNotFound(bulk_id)
    return found[0]


def problem_of(one: Handled) -> Problem | None:
    """Return what is said of a suggestion that was not decided."""
    return None if one.error is None else item_problem(one.error)
