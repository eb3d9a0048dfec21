"""Reading of suggestions and nodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from wayside_events.contracts.governance import (
    NodeDetails,
    NodeInput,
    PutNodesReply,
    Suggestion,
    SuggestionDetails,
    SuggestionPage,
)
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.errors import NodeNotFound, SuggestionNotFound
from wayside_governance.domain.wanted import Filters, Order, Position
from wayside_governance.service.pages import Page, read_page, write_page
from wayside_governance.store import reading
from wayside_service.auth import Principal, Role
from wayside_service.database import Database

_ONE_SNAPSHOT: Final = MappingProxyType({"isolation": "repeatable_read", "readonly": True})


@dataclass(frozen=True, slots=True)
class QueryService:
    """Answers questions; changes nothing but nodes."""

    database: Database

    async def suggestion(self, reader: Principal, suggestion_id: EntityId) -> SuggestionDetails:
        """Return a suggestion with its evidence and decisions."""
        async with self.database.transaction(**_ONE_SNAPSHOT) as connection:
            found = await reading.suggestion_details(connection, suggestion_id)
        if found is None or not reader.may(Role.VIEWER, found.scope):
            raise SuggestionNotFound(f"There is no suggestion {suggestion_id}.")
        return found

    async def suggestions(self, filters: Filters, order: Order, page: Page) -> SuggestionPage:
        """Return a page of suggestions. One that does not change meanwhile is on exactly one page."""
        after = read_page(page.page, order)
        async with self.database.transaction(readonly=True) as connection:
            found = await reading.list_suggestions(
                connection, filters, order, after=after, limit=page.limit + 1
            )
        shown = found[: page.limit]
        last = _position(shown[-1], order) if len(found) > page.limit else None
        return SuggestionPage(items=tuple(shown), next_page=write_page(order, last))

    async def put_nodes(self, scope: str, nodes: Sequence[NodeInput]) -> PutNodesReply:
        """Replace what is known of nodes; of a node given twice, the last counts."""
        last = {node.id: node for node in nodes}
        async with self.database.transaction() as connection:
            changed = await reading.put_nodes(connection, scope, list(last.values()), datetime.now(UTC))
        return PutNodesReply(changed=changed, unchanged=len(last) - changed)

    async def node(self, scope: ScopeName, node_id: str) -> NodeDetails:
        """Return what is known of a node."""
        async with self.database.acquire() as connection:
            found = await reading.node(connection, scope, node_id)
        if found is None:
            raise NodeNotFound(f"Nothing is known of the node {node_id}.")
        return found


def _position(last: Suggestion, order: Order) -> Position:
    return Position(last.confidence if order is Order.CONFIDENCE else last.created_at, last.id)
