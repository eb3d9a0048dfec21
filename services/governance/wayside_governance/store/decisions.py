"""Storing of decisions, one suggestion at a time."""

import orjson

from wayside_governance.domain.errors import StaleRevision
from wayside_governance.domain.evidence import Evidence
from wayside_governance.domain.suggestion import Decision, Edge, Suggestion
from wayside_governance.store.rows import (
    claim_of,
    decision_of,
    id_of,
    optional_id,
    statement_of,
    suggestion_of,
)
from wayside_governance.store.statements import DECISIONS
from wayside_service.database import Connection


async def lock_suggestion(connection: Connection, suggestion_id: str) -> Suggestion | None:
    """Return a suggestion that nobody else changes until the transaction ends."""
    row = await connection.fetchrow(DECISIONS.lock_suggestion, suggestion_id)
    return None if row is None else suggestion_of(row)


async def has_proposed(connection: Connection, suggestion_id: str, subject: str) -> bool:
    """Whether `subject` proposed any of the evidence."""
    proposed: bool = await connection.fetchval(DECISIONS.has_proposed, suggestion_id, subject)
    return proposed


async def statements_for(connection: Connection, suggestion_id: str) -> list[Evidence]:
    """Return all evidence, oldest first, without payload and reasoning: together they may be very large."""
    return [statement_of(row) for row in await connection.fetch(DECISIONS.statements_of, suggestion_id)]


async def payload_hashes(connection: Connection, suggestion_id: str) -> list[bytes]:
    """Return what each distinct payload contributes to a fingerprint."""
    rows = await connection.fetch(DECISIONS.payload_hashes, suggestion_id)
    return [row["payload_hash"] for row in rows]


async def decision_at(connection: Connection, suggestion_id: str, revision: int) -> Decision | None:
    """Return the decision that brought the suggestion to `revision`."""
    row = await connection.fetchrow(DECISIONS.decision_at, suggestion_id, revision)
    return None if row is None else decision_of(row)


async def write_decided(connection: Connection, decided: Suggestion, *, seen: int) -> None:
    """Write what a verdict made of a suggestion; raises `StaleRevision` when its revision is not `seen` any more."""
    review, standing = decided.review, decided.standing
    tag = await connection.execute(
        DECISIONS.write_decided,
        decided.id,
        seen,
        decided.status,
        decided.revision,
        standing.confidence,
        standing.strength,
        standing.evidence_count,
        orjson.dumps(dict(standing.maxima)),
        standing.strongest,
        standing.source_model,
        standing.analysis_run_id,
        standing.proposed_by,
        review.decision_id if review else None,
        review.edge_id if review else None,
        review.reviewed_by if review else None,
        review.reviewed_at if review else None,
        review.reason_code if review else None,
        sorted(decided.remembered),
        decided.updated_at,
    )
    if tag != "UPDATE 1":
        raise StaleRevision(seen, decided.revision)


async def append_decision(connection: Connection, decision: Decision) -> None:
    """Append a verdict to the record."""
    await connection.execute(
        DECISIONS.append_decision,
        decision.suggestion_id,
        decision.revision,
        decision.id,
        decision.scope,
        decision.verdict,
        decision.reviewed_by,
        decision.reviewed_at,
        decision.reason_code,
        decision.note,
        decision.confidence_shown,
        decision.evidence_shown,
        decision.time_taken_seconds,
        decision.edge_id,
        decision.undoes,
        sorted(decision.fingerprints),
    )


async def insert_edge(connection: Connection, edge: Edge) -> bool:
    """Bring an edge into being; returns whether the claim had none."""
    tag = await connection.execute(
        DECISIONS.insert_edge,
        edge.id,
        *edge.claim,
        edge.revision,
        edge.confidence,
        edge.strength,
        edge.suggestion_id,
        edge.decision_id,
        edge.created_by,
        edge.created_at,
    )
    return tag == "INSERT 0 1"


async def delete_edge(connection: Connection, edge_id: str, *, revision: int) -> Edge | None:
    """Remove an edge and return it; `None` when it is gone or has another revision."""
    row = await connection.fetchrow(DECISIONS.delete_edge, edge_id, revision)
    if row is None:
        return None
    return Edge(
        id=id_of(row["id"]),
        claim=claim_of(row),
        revision=row["revision"],
        confidence=row["confidence"],
        strength=row["strength"],
        suggestion_id=optional_id(row["suggestion_id"]),
        decision_id=optional_id(row["decision_id"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
    )
