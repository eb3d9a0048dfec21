"""Reading of what explains a suggestion."""

from collections.abc import Sequence

import asyncpg

from wayside_events.contracts.governance import Holder, SimilarClaim, SimilarClaims, Suggestion
from wayside_events.edges import SuggestionStatus
from wayside_governance.store.rows import id_of
from wayside_governance.store.statements import EXPLAIN
from wayside_service.database import Connection

LOOKED_AT = 1_000
"""How many rows each question looks at."""

SHOWN = 20


async def degree(connection: Connection, scope: str, node_id: str) -> int:
    """Return how many edges a node has, as far as it is counted."""
    counted: int = await connection.fetchval(EXPLAIN.degree, scope, node_id, LOOKED_AT)
    return counted


async def same_nodes(connection: Connection, one: Suggestion) -> SimilarClaims:
    """Return what was decided of other claims about the same two nodes."""
    ends = (one.from_node_id, one.to_node_id)
    return _similar(await connection.fetch(EXPLAIN.same_nodes, one.scope, one.id, *ends, LOOKED_AT))


async def same_from(connection: Connection, one: Suggestion) -> SimilarClaims:
    """Return what was decided of claims of the type that begin at the same node."""
    claim = (one.from_node_id, one.relationship_type)
    return _similar(await connection.fetch(EXPLAIN.same_from, one.scope, one.id, *claim, LOOKED_AT))


async def same_to(connection: Connection, one: Suggestion) -> SimilarClaims:
    """Return what was decided of claims of the type that end at the same node."""
    claim = (one.to_node_id, one.relationship_type)
    return _similar(await connection.fetch(EXPLAIN.same_to, one.scope, one.id, *claim, LOOKED_AT))


async def holder(connection: Connection, suggestion_id: str) -> Holder | None:
    """Return who has the card before them."""
    row = await connection.fetchrow(EXPLAIN.holder, suggestion_id)
    return None if row is None else Holder(reviewer=row["reviewer"], expires_at=row["expires_at"])


def _similar(rows: Sequence[asyncpg.Record]) -> SimilarClaims:
    approved = sum(row["status"] == SuggestionStatus.APPROVED for row in rows)
    return SimilarClaims(
        approved=approved,
        rejected=len(rows) - approved,
        items=tuple(_claim(row) for row in rows[:SHOWN]),
    )


def _claim(row: asyncpg.Record) -> SimilarClaim:
    return SimilarClaim(
        suggestion_id=id_of(row["id"]),
        from_node_id=row["from_node_id"],
        to_node_id=row["to_node_id"],
        relationship_type=row["relationship_type"],
        status=row["status"],
        confidence=row["confidence"],
        reviewed_by=row["reviewed_by"],
        reviewed_at=row["reviewed_at"],
        reason_code=row["reason_code"],
    )
