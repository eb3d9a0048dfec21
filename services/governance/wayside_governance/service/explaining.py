"""Explaining a suggestion: everything that speaks for or against it, in one snapshot."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from wayside_events.contracts.governance import Explanation, NodeSurroundings, Suggestion
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.edges import EdgeFilters
from wayside_governance.domain.errors import SuggestionNotFound
from wayside_governance.service import policies
from wayside_governance.service.calibrating import boundaries
from wayside_governance.store import decisions, explaining, graph, reading
from wayside_service.auth import Principal, Role
from wayside_service.database import Connection, Database

_ONE_SNAPSHOT: Final = MappingProxyType({"isolation": "repeatable_read", "readonly": True})


@dataclass(frozen=True, slots=True)
class ExplainService:
    """Tells reviewers what they want to know before they decide."""

    database: Database

    async def explain(self, reader: Principal, suggestion_id: EntityId) -> Explanation:
        """Return all there is on a suggestion; raises `SuggestionNotFound`."""
        async with self.database.transaction(**_ONE_SNAPSHOT) as connection:
            found = await reading.suggestion_details(connection, suggestion_id)
            if found is None or not reader.may(Role.VIEWER, found.scope):
                raise SuggestionNotFound(f"There is no suggestion {suggestion_id}.")
            known = await boundaries(connection, found.scope)
            return Explanation(
                suggestion=found,
                from_node=await _surroundings(connection, found.scope, found.from_node_id),
                to_node=await _surroundings(connection, found.scope, found.to_node_id),
                same_nodes=await explaining.same_nodes(connection, found),
                same_from=await explaining.same_from(connection, found),
                same_to=await explaining.same_to(connection, found),
                rivals=await _rivals(connection, suggestion_id),
                policies=await policies.explain(connection, suggestion_id),
                boundary=known.get(found.relationship_type),
                held_by=await explaining.holder(connection, suggestion_id),
            )


async def _surroundings(connection: Connection, scope: ScopeName, node_id: str) -> NodeSurroundings:
    filters = EdgeFilters(scope, node_id=node_id)
    edges, _ = await graph.edge_step(connection, filters, after=filters.start, limit=explaining.SHOWN)
    return NodeSurroundings(
        id=node_id,
        details=await reading.node(connection, scope, node_id),
        degree=await explaining.degree(connection, scope, node_id),
        edges=tuple(edges),
    )


async def _rivals(connection: Connection, suggestion_id: EntityId) -> tuple[Suggestion, ...]:
    if not await decisions.is_functional(connection, suggestion_id):
        return ()
    return tuple(await decisions.rivals_of(connection, suggestion_id, after="", limit=explaining.SHOWN))
