"""Reading of the graph: lists of edges, neighbourhoods, paths, and extracts of any size."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from wayside_events.contracts.governance import Edge, EdgePage, GraphPath, Neighborhood, Node
from wayside_governance.domain.edges import EdgeFilters
from wayside_governance.domain.walks import Bounds, Paths, Search, Walk
from wayside_governance.domain.wanted import Order, Position
from wayside_governance.service.pages import Page, read_page, write_page
from wayside_governance.store import graph
from wayside_service.database import Database

STEPPING_SECONDS = 0.006
"""How long a page is looked for; what was found until then is a page, however short."""

EXTRACT_STEP = 1_000
EXTRACT_LOOKED_AT = 1_000_000
"""How many edges an extract looks at."""

PATH_NODES = 10_000
PATH_STEP_EDGES = 5_000
"""How many nodes a search looks at, and how many edges in one step."""

_ONE_SNAPSHOT: Final = MappingProxyType({"isolation": "repeatable_read", "readonly": True})


@dataclass(frozen=True, slots=True)
class GraphService:
    """Answers questions about the graph."""

    database: Database

    async def edges(self, filters: EdgeFilters, page: Page) -> EdgePage:
        """Return a page of edges, the youngest first. It may be short, or empty, and not the last."""
        reached = _start(filters, page)
        shown: list[Edge] = []
        deadline = time.monotonic() + STEPPING_SECONDS
        async with self.database.transaction(readonly=True) as connection:
            while reached is not None and len(shown) <= page.limit:
                limit = page.limit + 1 - len(shown)
                edges, reached = await graph.edge_step(connection, filters, after=reached, limit=limit)
                shown += edges
                if time.monotonic() > deadline:
                    break
        if len(shown) > page.limit:
            shown = shown[: page.limit]
            reached = Position(shown[-1].created_at, shown[-1].id)
        return EdgePage(items=tuple(shown), next_page=write_page(Order.NEWEST, reached))

    async def neighborhood(self, scope: str, center: str, paths: Paths, bounds: Bounds) -> Neighborhood:
        """Return what a walk of so many steps from a node comes by.

        Edges are those it goes over, so an edge between two nodes of the rim is not among them.
        """
        walk = Walk.around(center, bounds)
        async with self.database.transaction(**_ONE_SNAPSHOT) as connection:
            await graph.plan_for(connection, paths)
            while not walk.is_over:
                step = graph.step_from(
                    connection, scope, paths, walk.frontier, passed=walk.passed, limit=walk.edges_wanted
                )
                walk.take(await step)
            edges = await graph.edges_of(connection, list(walk.links.values()))
            nodes = await graph.nodes_of(connection, scope, list(walk.nodes))
        return Neighborhood(
            center=center, depth=bounds.depth, nodes=tuple(nodes), edges=tuple(edges), truncated=walk.is_cut
        )

    async def path(self, scope: str, ends: tuple[str, str], paths: Paths, max_steps: int) -> GraphPath:
        """Return a shortest path between two nodes, where there is one of at most so many steps."""
        search = Search(*ends, paths.direction, max_steps=max_steps, max_nodes=PATH_NODES)
        async with self.database.transaction(**_ONE_SNAPSHOT) as connection:
            await graph.plan_for(connection, paths)
            while (side := search.next_side()) is not None:
                along = Paths(paths.types, side.direction, paths.with_suggested)
                step = graph.step_from(
                    connection, scope, along, side.frontier, passed=side.reached, limit=PATH_STEP_EDGES
                )
                search.take(side, await step)
            links = search.path
            node_ids = [] if links is None else [ends[0], *(link.other for link in links)]
            nodes = await graph.nodes_of(connection, scope, node_ids)
            edges = await graph.edges_of(connection, links or [])
        return GraphPath(
            from_node_id=ends[0],
            to_node_id=ends[1],
            found=links is not None,
            nodes=tuple(nodes),
            edges=tuple(edges),
            truncated=search.is_cut,
        )

    def extract(self, filters: EdgeFilters, limit: int) -> "Extract":
        """Return an extract of at most `limit` edges, to be read once."""
        return Extract(self.database, filters, limit)


class Extract:
    """Part of the graph, read as it is written: edges in batches, the youngest first, then the nodes they join.

    Each batch is a transaction of its own, so no slow reader holds one; an edge that comes or goes meanwhile may be there or
    not. `is_cut` is known at the end.
    """

    def __init__(self, database: Database, filters: EdgeFilters, limit: int) -> None:
        self._database = database
        self._filters = filters
        self._limit = limit
        self._node_ids: dict[str, None] = {}
        self.is_cut = False

    async def edges(self) -> AsyncIterator[Sequence[Edge]]:
        """Yield the edges."""
        reached: Position | None = self._filters.start
        left, looked_at = self._limit, 0
        while reached is not None and left > 0 and looked_at < EXTRACT_LOOKED_AT:
            async with self._database.transaction(readonly=True) as connection:
                edges, reached = await graph.edge_step(
                    connection, self._filters, after=reached, limit=min(left, EXTRACT_STEP)
                )
            left -= len(edges)
            looked_at += EXTRACT_STEP
            for edge in edges:
                self._node_ids |= {edge.from_node_id: None, edge.to_node_id: None}
            yield edges
        self.is_cut = reached is not None and await self._has_more(reached)

    async def nodes(self) -> AsyncIterator[Sequence[Node]]:
        """Yield the nodes of the edges that were read."""
        node_ids = list(self._node_ids)
        for start in range(0, len(node_ids), EXTRACT_STEP):
            async with self._database.acquire() as connection:
                yield await graph.nodes_of(
                    connection, self._filters.scope, node_ids[start : start + EXTRACT_STEP]
                )

    async def _has_more(self, reached: Position) -> bool:
        async with self._database.transaction(readonly=True) as connection:
            edges, rest = await graph.edge_step(connection, self._filters, after=reached, limit=1)
        return bool(edges) or rest is not None


def _start(filters: EdgeFilters, page: Page) -> Position | None:
    after = read_page(page.page, Order.NEWEST)
    return filters.start if after is None else after
