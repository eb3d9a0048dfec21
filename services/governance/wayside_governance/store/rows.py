"""Rows of the database as values of the domain."""

from uuid import UUID

import asyncpg
import orjson

from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.evidence import Claim, Evidence
from wayside_governance.domain.suggestion import Review, Standing, Suggestion


def suggestion_of(row: asyncpg.Record) -> Suggestion:
    """Read a row of `suggestions`."""
    return Suggestion(
        id=id_of(row["id"]),
        claim=claim_of(row),
        status=SuggestionStatus(row["status"]),
        revision=row["revision"],
        standing=Standing(
            confidence=row["confidence"],
            evidence_count=row["evidence_count"],
            maxima=orjson.loads(row["maxima"]),
            strongest=row["strongest"],
            strength=row["strength"],
            source_model=row["source_model"],
            analysis_run_id=row["analysis_run_id"],
            proposed_by=row["proposed_by"],
        ),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        review=_review_of(row),
        remembered=frozenset(row["remembered"]),
        suppressed_count=row["suppressed_count"],
        endorsed_by=tuple(row["endorsed_by"]),
    )


def claim_of(row: asyncpg.Record) -> Claim:
    """Read the columns of a claim."""
    return Claim(ScopeName(row["scope"]), row["from_node_id"], row["to_node_id"], row["relationship_type"])


def _review_of(row: asyncpg.Record) -> Review | None:
    if row["decision_id"] is None:
        return None
    return Review(
        decision_id=id_of(row["decision_id"]),
        reviewed_by=row["reviewed_by"],
        reviewed_at=row["reviewed_at"],
        reason_code=row["reason_code"],
        edge_id=optional_id(row["edge_id"]),
    )


def statement_of(row: asyncpg.Record) -> Evidence:
    """Read a row of `evidence` without payload and reasoning."""
    return Evidence(
        id=id_of(row["id"]),
        digest=row["digest"],
        payload_hash=row["payload_hash"],
        source_model=row["source_model"],
        analysis_run_id=row["analysis_run_id"],
        confidence=row["confidence"],
        strength=row["strength"],
        reasoning=None,
        payload=None,
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
    )


def id_of(value: UUID) -> EntityId:
    """Return a UUID as text."""
    return EntityId(str(value))


def optional_id(value: UUID | None) -> EntityId | None:
    """Return a UUID as text, where there is one."""
    return None if value is None else id_of(value)
