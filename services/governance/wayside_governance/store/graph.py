"""Reading of the graph."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg

from wayside_events.contracts.governance import Edge, Node
from wayside_governance.domain.wanted import Bounds, EdgeFilters, Position
from wayside_governance.store.rows import id_of, optional_id
from wayside_governance.store.statements import GRAPH, READING
from wayside_service.database import Connection

_START: Final = Position(datetime.max.replace(tzinfo=UTC), str(UUID(int=2**128 - 1)))


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk found: ids, and whether a bound cut it."""

    nodes: Sequence[str]
    edges: Sequence[UUID]
    ghosts: Sequence[UUID]
    truncated: bool


async def list_edges(
    connection: Connection, filters: EdgeFilters, *, after: Position | None, limit: int
) -> list[Edge]:
    """Return the first `limit` edges after a position, the youngest first; wants a transaction."""
    start = after or _START
    await connection.execute(READING.plan_for_these_filters)
    rows = await connection.fetch(
        GRAPH.list_edges,
        filters.scope,
        filters.from_node_id,
        filters.to_node_id,
        filters.node_id,
        filters.relationship_type,
        limit,
        start.key,
        filters.with_suggested,
        start.item_id,
    )
    return [_edge(row) for row in rows]


async def walk(
    connection: Connection, scope: str, start: str, bounds: Bounds, *, with_suggested: bool
) -> Walk:
    """Walk from a node in both directions."""
    row = await connection.fetchrow(
        GRAPH.neighborhood, scope, start, bounds.depth, bounds.nodes, bounds.edges, with_suggested
    )
    assert row is not None
    return Walk(row["seen"], row["edges"], row["ghosts"], row["truncated"])


async def edges_of(connection: Connection, found: Walk) -> list[Edge]:
    """Return the edges of a walk whose ends are both among its nodes; those that exist before those suggested."""
    nodes = frozenset(found.nodes)
    rows = await connection.fetch(GRAPH.edges_by_id, found.edges, found.ghosts)
    return [_edge(row) for row in rows if row["from_node_id"] in nodes and row["to_node_id"] in nodes]


async def nodes_of(connection: Connection, scope: str, node_ids: Sequence[str]) -> list[Node]:
    """Return the nodes in the order given, also those nothing is known of."""
    rows = await connection.fetch(GRAPH.nodes_by_id, scope, node_ids)
    known = {row["id"]: Node(id=row["id"], label=row["label"], kind=row["kind"]) for row in rows}
    return [known.get(node_id) or Node(id=node_id) for node_id in node_ids]


def _edge(row: asyncpg.Record) -> Edge:
    return Edge(
        id=id_of(row["id"]),
        scope=row["scope"],
        from_node_id=row["from_node_id"],
        to_node_id=row["to_node_id"],
        relationship_type=row["relationship_type"],
        status=row["status"],
        confidence=row["confidence"],
        strength=row["strength"],
        suggestion_id=optional_id(row["suggestion_id"]),
        decision_id=optional_id(row["decision_id"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
    )
