"""Storing of proposals, a batch at a time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

import asyncpg
import orjson

from wayside_events.contracts.governance import NodeContent
from wayside_governance.domain.errors import NotStorable
from wayside_governance.domain.evidence import Claim, Evidence
from wayside_governance.domain.suggestion import Suggestion
from wayside_governance.store.rows import claim_of, suggestion_of
from wayside_governance.store.statements import INTAKE
from wayside_service.database import Connection


class Piece(NamedTuple):
    """Evidence and the suggestion it is for."""

    suggestion_id: str
    evidence: Evidence


@contextmanager
def refusals() -> Iterator[None]:
    """Raise `NotStorable` for what PostgreSQL refuses to store."""
    try:
        yield
    except (
        asyncpg.DataError,
        asyncpg.IntegrityConstraintViolationError,
        asyncpg.ProgramLimitExceededError,
    ) as error:
        raise NotStorable(str(error)) from error


async def merge_nodes(
    connection: Connection, scope: str, contents: Mapping[str, NodeContent], at: datetime
) -> None:
    """Keep what proposals say of nodes."""
    if not contents:
        return
    await connection.execute(
        INTAKE.merge_nodes,
        scope,
        list(contents),
        [content.label for content in contents.values()],
        [content.kind for content in contents.values()],
        [content.content for content in contents.values()],
        at,
    )


async def insert_suggestions(
    connection: Connection, scope: str, suggestions: Sequence[Suggestion], at: datetime
) -> set[str]:
    """Insert those whose claims are new and return their ids; lock the suggestions of the other claims.

    `suggestions` are in the order of their claims: the one order in which everybody locks.
    """
    standings = [suggestion.standing for suggestion in suggestions]
    rows = await connection.fetch(
        INTAKE.insert_suggestions,
        scope,
        [suggestion.id for suggestion in suggestions],
        [suggestion.claim.from_node_id for suggestion in suggestions],
        [suggestion.claim.to_node_id for suggestion in suggestions],
        [suggestion.claim.relationship_type for suggestion in suggestions],
        [suggestion.revision for suggestion in suggestions],
        [standing.confidence for standing in standings],
        [standing.strength for standing in standings],
        [standing.evidence_count for standing in standings],
        [_json(standing.maxima) for standing in standings],
        [standing.strongest for standing in standings],
        [standing.source_model for standing in standings],
        [standing.analysis_run_id for standing in standings],
        [standing.proposed_by for standing in standings],
        at,
    )
    return {str(row["id"]) for row in rows}


async def locked_suggestions(
    connection: Connection, scope: str, claims: Collection[Claim]
) -> dict[Claim, Suggestion]:
    """Return the suggestions of claims that `insert_suggestions` has locked."""
    if not claims:
        return {}
    rows = await connection.fetch(
        INTAKE.suggestions_of_claims,
        scope,
        [claim.from_node_id for claim in claims],
        [claim.to_node_id for claim in claims],
        [claim.relationship_type for claim in claims],
    )
    return {claim_of(row): suggestion_of(row) for row in rows}


async def known_evidence(
    connection: Connection, pieces: Collection[tuple[str, bytes]]
) -> set[tuple[str, bytes]]:
    """Return those of the given (suggestion id, digest) that are there."""
    if not pieces:
        return set()
    rows = await connection.fetch(
        INTAKE.known_evidence,
        [suggestion_id for suggestion_id, _ in pieces],
        [digest for _, digest in pieces],
    )
    return {(str(row["suggestion_id"]), row["digest"]) for row in rows}


async def content_hashes(connection: Connection, scope: str, node_ids: Collection[str]) -> dict[str, bytes]:
    """Return the content hash of each node something is known of."""
    if not node_ids:
        return {}
    rows = await connection.fetch(INTAKE.content_hashes, scope, list(node_ids))
    return {row["id"]: row["content_hash"] for row in rows}


async def update_standings(
    connection: Connection, suggestions: Sequence[Suggestion], reopened: Collection[str]
) -> None:
    """Write what proposals made of locked suggestions; `reopened` are the ids of those that wait again."""
    if not suggestions:
        return
    standings = [suggestion.standing for suggestion in suggestions]
    await connection.execute(
        INTAKE.update_standings,
        [suggestion.id for suggestion in suggestions],
        [suggestion.status for suggestion in suggestions],
        [suggestion.revision for suggestion in suggestions],
        [standing.confidence for standing in standings],
        [standing.strength for standing in standings],
        [standing.evidence_count for standing in standings],
        [_json(standing.maxima) for standing in standings],
        [standing.strongest for standing in standings],
        [standing.source_model for standing in standings],
        [standing.analysis_run_id for standing in standings],
        [standing.proposed_by for standing in standings],
        [suggestion.suppressed_count for suggestion in suggestions],
        [suggestion.updated_at for suggestion in suggestions],
        [suggestion.id in reopened for suggestion in suggestions],
    )


async def insert_evidence(connection: Connection, pieces: Sequence[Piece], at: datetime) -> None:
    """Keep new evidence."""
    if not pieces:
        return
    evidence = [piece.evidence for piece in pieces]
    await connection.execute(
        INTAKE.insert_evidence,
        [piece.suggestion_id for piece in pieces],
        [one.digest for one in evidence],
        [one.id for one in evidence],
        [one.payload_hash for one in evidence],
        [one.source_model for one in evidence],
        [one.analysis_run_id for one in evidence],
        [one.confidence for one in evidence],
        [one.strength for one in evidence],
        [one.reasoning for one in evidence],
        [None if one.payload is None else one.payload.decode() for one in evidence],
        [one.proposed_by for one in evidence],
        at,
    )


def _json(maxima: Mapping[str, float]) -> str:
    return orjson.dumps(dict(maxima)).decode()
