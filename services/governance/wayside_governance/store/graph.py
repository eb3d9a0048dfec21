"""Reading of the graph, in bounded steps."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import asyncpg

from wayside_events.contracts.governance import Edge, Node
from wayside_governance.domain.edges import OLDEST, EdgeFilters, Source
from wayside_governance.domain.walks import Direction, Link, Paths, Step, per_node
from wayside_governance.domain.wanted import Position
from wayside_governance.store.rows import id_of, optional_id
from wayside_governance.store.statements import GRAPH, READING
from wayside_service.database import Connection

STEP_EDGES = 1_000
"""How many edges are looked at in one step of a list that does not want all it finds."""


class EdgeStep(NamedTuple):
    """Edges that were wanted, and where to look on; `None` at the end."""

    edges: list[Edge]
    reached: Position | None


async def edge_step(connection: Connection, filters: EdgeFilters, *, after: Position, limit: int) -> EdgeStep:
    """Return at most `limit` edges after a position, the youngest first, as far as one step goes; wants a transaction."""
    if filters.source is Source.PAIR:
        await connection.execute(READING.plan_for_these_filters)
    looked_at = limit if filters.is_exact else STEP_EDGES
    rows = await connection.fetch(
        GRAPH.list_edges,
        filters.scope,
        filters.source,
        filters.from_node_id,
        filters.to_node_id,
        filters.node_id,
        filters.types or None,
        filters.created_by,
        filters.min_confidence,
        filters.created_after or OLDEST,
        after.key,
        after.item_id,
        filters.with_suggested,
        looked_at,
        limit,
    )
    edges = [_edge(row) for row in rows if row["is_match"]]
    is_over = len(edges) < limit and not (rows and rows[-1]["is_last"])
    return EdgeStep(edges, None if is_over else Position(rows[-1]["created_at"], str(rows[-1]["id"])))


async def plan_for(connection: Connection, paths: Paths) -> None:
    """Let the steps of this transaction be planned for the types they are over: a plan for any passes all others."""
    if paths.types:
        await connection.execute(READING.plan_for_these_filters)


async def step_from(
    connection: Connection,
    scope: str,
    paths: Paths,
    nodes: Sequence[str],
    *,
    passed: Iterable[str],
    limit: int,
) -> Step:
    """Go one step from each of the nodes, to none of `passed`, over at most `limit` edges."""
    share = per_node(limit, len(nodes))
    rows = await connection.fetch(
        GRAPH.steps_from,
        scope,
        nodes,
        paths.types or None,
        paths.direction is not Direction.IN,
        paths.direction is not Direction.OUT,
        paths.with_suggested,
        list(passed),
        share,
        limit,
    )
    links = [
        Link(row["node"], row["other"], row["id"], row["is_ghost"])
        for row in rows[:limit]
        if row["turn"] <= share and row["is_match"]
    ]
    return Step(links, is_cut=len(links) < len(rows))


async def edges_of(connection: Connection, links: Sequence[Link]) -> list[Edge]:
    """Return the edges of links, in their order."""
    rows = await connection.fetch(
        GRAPH.edges_by_id,
        [link.edge_id for link in links if not link.is_ghost],
        [link.edge_id for link in links if link.is_ghost],
    )
    found = {row["id"]: row for row in rows}
    return [_edge(found[link.edge_id]) for link in links if link.edge_id in found]


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
