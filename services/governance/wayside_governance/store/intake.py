"""Storing of proposals, a batch at a time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

import asyncpg
import orjson

from wayside_events.contracts.governance import NodeContent
from wayside_events.identifiers import EntityId
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
        raise NotStorable from error


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
    connection: Connection,
    scope: str,
    suggestions: Sequence[Suggestion],
    at: datetime,
    expires_at: datetime | None = None,
) -> set[str]:
    """Insert those whose claims are new and return their ids; lock the suggestions of the other claims.

    `suggestions` are in the order of their claims: the one order in which everybody locks.
    """
    rows = [(one.id, *one.claim[1:], one.revision, *_standing(one)) for one in suggestions]
    inserted = await connection.fetch(INTAKE.insert_suggestions, scope, rows, at, expires_at)
    return {str(row["id"]) for row in inserted}


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


async def update_suggestions(
    connection: Connection,
    suggestions: Sequence[Suggestion],
    reopened: Collection[str],
    expires_at: datetime | None,
) -> None:
    """Write what proposals made of locked suggestions; `reopened` are the ids of those that wait again, until then."""
    if not suggestions:
        return
    rows = [
        (
            one.id,
            one.status,
            one.revision,
            *_standing(one),
            one.suppressed_count,
            one.updated_at,
            one.id in reopened,
        )
        for one in suggestions
    ]
    await connection.execute(INTAKE.update_suggestions, rows, expires_at)


async def insert_evidence(connection: Connection, pieces: Sequence[Piece], at: datetime) -> None:
    """Keep new evidence."""
    if not pieces:
        return
    rows = [
        (
            suggestion_id,
            one.digest,
            one.id,
            one.payload_hash,
            one.source_model,
            one.analysis_run_id,
            one.confidence,
            one.strength,
            one.reasoning,
            None if one.payload is None else one.payload.decode(),
            one.proposed_by,
            one.on_behalf_of,
        )
        for suggestion_id, one in pieces
    ]
    await connection.execute(INTAKE.insert_evidence, rows, at)


async def keep_content(connection: Connection, suggestion_ids: Collection[str]) -> None:
    """Note that suggestions have content, which retention may have dropped before."""
    if suggestion_ids:
        await connection.execute(INTAKE.keep_content, list(suggestion_ids))


async def note_suppressed(
    connection: Connection, times: Mapping[EntityId, int], names: Collection[str], at: datetime
) -> None:
    """Remember that these proposed, so many times, what was answered already: `times` is by suggestion."""
    if not times:
        return
    said = [(suggestion_id, name, times[suggestion_id]) for suggestion_id in times for name in names]
    await connection.execute(INTAKE.note_suppressed, *map(list, zip(*said, strict=True)), at)


async def known_nodes(connection: Connection, scope: str, node_ids: Collection[str]) -> set[str]:
    """Return those of some nodes that something is known of."""
    return {row["id"] for row in await connection.fetch(INTAKE.known_nodes, scope, list(node_ids))}


def _standing(suggestion: Suggestion) -> tuple[object, ...]:
    standing = suggestion.standing
    return (
        standing.confidence,
        standing.strength,
        standing.evidence_count,
        orjson.dumps(standing.maxima).decode(),
        standing.strongest,
        standing.source_model,
        standing.analysis_run_id,
        standing.proposed_by,
    )
