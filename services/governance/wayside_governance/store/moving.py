"""Reading of what moves decisions between systems."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg
import orjson
from pydantic import TypeAdapter

from wayside_events.contracts.governance import DecisionLine, NamedDecision
from wayside_events.identifiers import EntityId
from wayside_governance.domain.wanted import Position
from wayside_governance.store.rows import id_of, optional_id
from wayside_governance.store.statements import MOVING
from wayside_service.database import Connection

_LINE: Final = TypeAdapter(DecisionLine)


class Sought(NamedTuple):
    """A decision on a suggestion that may be there; `place` is the caller's."""

    place: int
    suggestion_id: EntityId
    decision: NamedDecision


class Recorded(NamedTuple):
    """A decision to be exported, and where it stands among the others."""

    position: Position
    line: DecisionLine


async def decisions_after(
    connection: Connection, scope: str, after: Position, *, limit: int
) -> list[Recorded]:
    """Return the next decisions of a scope in the order they were recorded in."""
    rows = await connection.fetch(MOVING.decisions_after, scope, after.key, after.item_id, limit)
    return [Recorded(Position(row["recorded_at"], id_of(row["id"])), _line(row)) for row in rows]


async def same_decisions(connection: Connection, sought: Iterable[Sought]) -> dict[int, EntityId]:
    """Return the decisions that are there already, by place."""
    rows = [(place, suggestion_id, *_named(decision)) for place, suggestion_id, decision in sought]
    if not rows:
        return {}
    columns = map(list, zip(*rows, strict=True))
    found = await connection.fetch(MOVING.same_decisions, *columns)
    return {row["place"]: id_of(row["id"]) for row in found}


async def types_of_two_approvals(connection: Connection, scope: str, names: Collection[str]) -> set[str]:
    """Return those of some types that need two approvals."""
    if not names:
        return set()
    return {row["name"] for row in await connection.fetch(MOVING.types_of_two_approvals, scope, list(names))}


def _named(decision: NamedDecision) -> tuple[str, str, datetime]:
    return decision.verdict, decision.reviewed_by, decision.reviewed_at


def _line(row: asyncpg.Record) -> DecisionLine:
    undone: NamedDecision | None = None
    if row["undone_verdict"] is not None:
        undone = NamedDecision(
            verdict=row["undone_verdict"],
            reviewed_by=row["undone_reviewed_by"],
            reviewed_at=row["undone_reviewed_at"],
        )
    ids = {name: optional_id(row[name]) for name in ("policy_id", "bulk_id")}
    return _LINE.validate_python(
        {**_said(row), **ids, "sources_shown": orjson.loads(row["sources_shown"]), "undoes": undone}
    )


def _said(row: asyncpg.Record) -> dict[str, object]:
    return {name: row[name] for name in _AS_THEY_ARE}


_AS_THEY_ARE: Final[Sequence[str]] = (
    "verdict",
    "reviewed_by",
    "reviewed_at",
    "from_node_id",
    "to_node_id",
    "relationship_type",
    "reason_code",
    "note",
    "time_taken_seconds",
    "confidence_shown",
    "evidence_shown",
    "strength",
    "reasoning",
    "source_model",
    "analysis_run_id",
    "proposed_by",
    "policy_version",
    "imported_at",
    "in_force",
)
