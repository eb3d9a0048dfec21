"""The one engine of decisions: any number of verdicts, in one transaction and a few statements.

Whatever changes the status of a suggestion, intake aside, comes through here: reviewers, policies, bulk, expiry,
withdrawal, import.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from wayside_events.contracts.governance import Verdict
from wayside_governance.domain.errors import EdgeChanged, EdgeExists, GovernanceError, RivalExists
from wayside_governance.domain.planning import Batch, Result, flat
from wayside_governance.domain.verdicts import Outcome, Wanted
from wayside_governance.metrics import GovernanceMetrics
from wayside_governance.service.announcements import announce
from wayside_governance.store import decisions as stored
from wayside_service.database import Connection, Database


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides batches. `wake` says that events were committed; `reason_codes` hold where a scope names none."""

    database: Database
    wake: Callable[[], None]
    reason_codes: Collection[str]
    metrics: GovernanceMetrics = field(default_factory=GovernanceMetrics)

    async def decide_now(self, wanted: Sequence[Wanted]) -> list[Result]:
        """Decide in a transaction of its own."""
        async with self.database.transaction() as connection:
            results = await self.decide(connection, wanted)
        self.committed(results)
        return results

    async def decide(self, connection: Connection, wanted: Sequence[Wanted]) -> list[Result]:
        """Decide in the caller's transaction: one result for each, in order; a refused one harms no other.

        Once in a transaction, and as its last statements but those of one's own tables: the locks have one order. Call
        `committed` after the commit.
        """
        locked = await stored.lock(connection, wanted)
        facts = await stored.facts_of(connection, wanted, locked, sorted(self.reason_codes))
        results = Batch(locked, facts).plan(wanted)
        results = await _with_edges(connection, await _without_edges(connection, results))
        if outcomes := list(flat(results)):
            await stored.write(connection, outcomes, announce(outcomes))
        return results

    def committed(self, results: Iterable[Result]) -> None:
        """Wake the relay and count, once the transaction is committed."""
        verdicts: list[Verdict] = [outcome.decision.verdict for outcome in flat(results)]
        if verdicts:
            self.wake()
            self.metrics.count_decisions(verdicts)


async def _without_edges(connection: Connection, results: Sequence[Result]) -> list[Result]:
    """Retract the edges of approvals that are undone; one whose edge is another now is refused."""
    wanted = [one.retracts for one in results if isinstance(one, Outcome) and one.retracts]
    if not wanted:
        return list(results)
    gone = await stored.delete_edges(connection, wanted)

    def settled(result: Result) -> Result:
        if isinstance(result, GovernanceError) or result.retracts is None:
            return result
        if (edge := gone.get(result.retracts)) is None:
            return EdgeChanged("The edge was changed or removed since; undoing would destroy that.")
        return result._replace(retracted=edge)

    return list(map(settled, results))


async def _with_edges(connection: Connection, results: Sequence[Result]) -> list[Result]:
    """Bring the edges of approvals into being; an approval with an edge in its way is refused."""
    edges = [one.edge for one in results if isinstance(one, Outcome) and one.edge]
    if not edges:
        return list(results)
    made = await stored.insert_edges(connection, edges, edges[0].created_at)
    if len(made) == len(edges):
        return list(results)
    refused = [edge.claim for edge in edges if edge.id not in made]
    found = await stored.edges_in_the_way(connection, refused)

    def settled(result: Result) -> Result:
        if isinstance(result, GovernanceError) or result.edge is None or result.edge.id in made:
            return result
        edge_id, is_same = found.get(result.edge.claim, (None, True))
        if is_same:
            return EdgeExists("The graph has this edge already, by another way than this suggestion.")
        return RivalExists(edge_id)

    return list(map(settled, results))
