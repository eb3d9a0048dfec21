"""Reading of suggestions and nodes, as they are shown."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, assert_never
from uuid import UUID

import asyncpg
import orjson
from pydantic import TypeAdapter

from wayside_events.contracts.governance import (
    ALL_EVIDENCE_LIMIT,
    Decision,
    Evidence,
    NodeDetails,
    NodeInput,
    Suggestion,
    SuggestionDetails,
)
from wayside_events.identifiers import ScopeName
from wayside_governance.domain.wanted import Filters, Order, Position
from wayside_governance.store.rows import id_of, optional_id
from wayside_governance.store.statements import READING
from wayside_service.database import Connection, Query

_FIRST: Final = str(UUID(int=0))
_LAST: Final = str(UUID(int=2**128 - 1))
_SUGGESTION: Final = TypeAdapter(Suggestion)


_LISTS: Final[Mapping[Order, Query]] = MappingProxyType(
    {
        Order.CONFIDENCE: READING.list_by_confidence,
        Order.NEWEST: READING.list_newest,
        Order.OLDEST: READING.list_oldest,
    }
)


def _start(filters: Filters, order: Order) -> Position:
    match order:
        case Order.CONFIDENCE:
            return Position(filters.max_confidence, _LAST)
        case Order.NEWEST:
            return Position(datetime.max.replace(tzinfo=UTC), _LAST)
        case Order.OLDEST:
            return Position(datetime.min.replace(tzinfo=UTC), _FIRST)
        case never:
            assert_never(never)


async def suggestion(connection: Connection, suggestion_id: str) -> Suggestion | None:
    """Return one suggestion."""
    row = await connection.fetchrow(READING.suggestion, suggestion_id)
    return None if row is None else shown_suggestion(row)


async def scope_of(connection: Connection, suggestion_id: str) -> ScopeName | None:
    """Return the scope of a suggestion."""
    scope: ScopeName | None = await connection.fetchval(READING.scope_of, suggestion_id)
    return scope


async def suggestion_details(connection: Connection, suggestion_id: str) -> SuggestionDetails | None:
    """Return one suggestion with its evidence and decisions; wants a transaction with one snapshot."""
    row = await connection.fetchrow(READING.suggestion, suggestion_id)
    if row is None:
        return None
    strongest = await connection.fetchrow(READING.payload_of, suggestion_id, row["strongest"])
    evidence = await connection.fetch(READING.latest_evidence, suggestion_id, ALL_EVIDENCE_LIMIT)
    decisions = await connection.fetch(READING.decisions_of, suggestion_id)
    return SuggestionDetails(
        **shown_fields(row),
        evidence=payload_of(strongest) if strongest else None,
        all_evidence=tuple(shown_evidence(one) for one in evidence),
        decisions=tuple(shown_decision(one) for one in decisions),
    )


async def list_suggestions(
    connection: Connection, filters: Filters, order: Order, *, after: Position | None, limit: int
) -> list[Suggestion]:
    """Return the first `limit` suggestions after a position; wants a transaction."""
    await connection.execute(READING.plan_for_these_filters)
    arguments = (
        filters.scope,
        list(filters.statuses),
        filters.min_confidence,
        filters.max_confidence,
        filters.from_node_id,
        filters.to_node_id,
        filters.node_id,
        filters.relationship_type,
        filters.source_model,
        filters.analysis_run_id,
        limit,
    )
    start = after or _start(filters, order)
    rows = await connection.fetch(_LISTS[order], *arguments, start.key, start.item_id)
    return [shown_suggestion(row) for row in rows]


async def put_nodes(connection: Connection, scope: str, nodes: Sequence[NodeInput], at: datetime) -> int:
    """Replace what is known of nodes; returns how many changed."""
    rows = await connection.fetch(
        READING.put_nodes,
        scope,
        [node.id for node in nodes],
        [node.label for node in nodes],
        [node.kind for node in nodes],
        [node.content for node in nodes],
        at,
    )
    return len(rows)


async def node(connection: Connection, scope: ScopeName, node_id: str) -> NodeDetails | None:
    """Return what is known of a node."""
    row = await connection.fetchrow(READING.node, scope, node_id)
    return None if row is None else NodeDetails(**dict(row), scope=scope)


def shown_suggestion(row: asyncpg.Record) -> Suggestion:
    """Read a row of `suggestions`, with `reasoning`, as it is shown."""
    return _SUGGESTION.validate_python(shown_fields(row))


def shown_fields(row: asyncpg.Record) -> dict[str, Any]:
    """Read a row of `suggestions`, with the reasoning of the strongest evidence, as it is shown."""
    return {
        "id": id_of(row["id"]),
        "scope": row["scope"],
        "from_node_id": row["from_node_id"],
        "to_node_id": row["to_node_id"],
        "relationship_type": row["relationship_type"],
        "status": row["status"],
        "revision": row["revision"],
        "confidence": row["confidence"],
        "strength": row["strength"],
        "reasoning": row["reasoning"],
        "evidence_count": row["evidence_count"],
        "suppressed_count": row["suppressed_count"],
        "source_model": row["source_model"],
        "analysis_run_id": row["analysis_run_id"],
        "proposed_by": row["proposed_by"],
        "reviewed_by": row["reviewed_by"],
        "reviewed_at": row["reviewed_at"],
        "reason_code": row["reason_code"],
        "edge_id": optional_id(row["edge_id"]),
        "endorsed_by": tuple(row["endorsed_by"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def shown_evidence(row: asyncpg.Record) -> Evidence:
    """Read a row of `evidence` as it is shown."""
    return Evidence(
        id=id_of(row["id"]),
        source_model=row["source_model"],
        analysis_run_id=row["analysis_run_id"],
        confidence=row["confidence"],
        strength=row["strength"],
        reasoning=row["reasoning"],
        evidence=payload_of(row),
        proposed_by=row["proposed_by"],
        on_behalf_of=row["on_behalf_of"],
        proposed_at=row["proposed_at"],
    )


def shown_decision(row: asyncpg.Record) -> Decision:
    """Read a row of `decisions` as it is shown."""
    return Decision(
        id=id_of(row["id"]),
        verdict=row["verdict"],
        reviewed_by=row["reviewed_by"],
        reviewed_at=row["reviewed_at"],
        reason_code=row["reason_code"],
        note=row["note"],
        confidence_shown=row["confidence_shown"],
        evidence_shown=row["evidence_shown"],
        policy_version=row["policy_version"],
        bulk_id=optional_id(row["bulk_id"]),
        linked_to=optional_id(row["linked_to"]),
        undoes=optional_id(row["undoes"]),
        time_taken_seconds=row["time_taken_seconds"],
    )


def payload_of(row: asyncpg.Record) -> dict[str, Any] | None:
    """Return what evidence rests on."""
    return None if row["payload"] is None else orjson.loads(row["payload"])
