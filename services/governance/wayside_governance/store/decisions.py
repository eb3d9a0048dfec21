"""Storing of decisions, a batch at a time."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import asyncpg
import orjson

from wayside_events.contracts.governance import Suggestion as ShownSuggestion
from wayside_events.contracts.governance import Verdict
from wayside_events.identifiers import EntityId
from wayside_governance.domain.audit import entry_of
from wayside_governance.domain.errors import DecisionConflict
from wayside_governance.domain.evidence import NO_CONTENT, Claim, Evidence, fingerprint
from wayside_governance.domain.planning import RIVALS_LIMIT
from wayside_governance.domain.suggestion import REMEMBERED_LIMIT, Edge, Suggestion
from wayside_governance.domain.verdicts import NEW_EDGE_REVISION, Facts, Outcome, Undone, Wanted
from wayside_governance.store.audit import audit_rows
from wayside_governance.store.reading import shown_suggestion
from wayside_governance.store.rows import claim_of, id_of, optional_id, statement_of, suggestion_of
from wayside_governance.store.statements import DECISIONS
from wayside_service.database import Connection
from wayside_service.outbox import OutboxEvent, outbox_rows

_NEEDS_NODES: Final = frozenset({Verdict.REJECT})


class LostRevision(DecisionConflict):
    """A suggestion changed although it was locked: somebody writes without the lock."""


async def lock(connection: Connection, wanted: Sequence[Wanted]) -> dict[EntityId, Suggestion]:
    """Return suggestions that nobody else changes until the transaction ends, with those that may follow from them."""
    ids = [one.suggestion_id for one in wanted]
    approved = [one.suggestion_id for one in wanted if one.supersedes_rivals]
    undone = [one.suggestion_id for one in wanted if one.verdict is Verdict.UNDO]
    if approved or undone:
        rows = await connection.fetch(DECISIONS.lock_with_linked, ids, approved, undone, RIVALS_LIMIT + 2)
    else:
        rows = await connection.fetch(DECISIONS.lock_suggestions, ids)
    suggestions = map(suggestion_of, rows)
    return {one.id: one for one in suggestions}


async def facts_of(
    connection: Connection,
    wanted: Sequence[Wanted],
    locked: Mapping[EntityId, Suggestion],
    default_reasons: Sequence[str],
) -> dict[EntityId, Facts]:
    """Return what the first verdict on each suggestion depends on, read after the suggestions were locked."""
    asked: dict[EntityId, Wanted] = {}
    for one in wanted:
        if one.suggestion_id in locked:
            asked.setdefault(one.suggestion_id, one)
    if not asked:
        return {}
    rows = await connection.fetch(
        DECISIONS.facts,
        [
            (
                one.suggestion_id,
                one.verdict,
                one.reviewed_by,
                one.reason_code,
                *locked[one.suggestion_id].claim,
                one.shown is not None or one.verdict in _NEEDS_NODES,
            )
            for one in asked.values()
        ],
        default_reasons,
        REMEMBERED_LIMIT,
    )
    facts = {id_of(row["id"]): _facts(row) for row in rows}
    return facts | await _facts_of_undos(connection, asked.values(), facts)


def _facts(row: asyncpg.Record) -> Facts:
    from_hash, to_hash = row["from_hash"] or NO_CONTENT, row["to_hash"] or NO_CONTENT
    reasons = row["allowed_reasons"]
    return Facts(
        at=row["at"],
        has_proposed=row["has_proposed"],
        endorsers_that_proposed=frozenset(row["endorsers_that_proposed"] or ()),
        fingerprints=frozenset(
            fingerprint(from_hash, to_hash, payload) for payload in row["payload_hashes"] or ()
        ),
        from_hash=from_hash,
        to_hash=to_hash,
        is_functional=row["is_functional"],
        required_approvals=row["required_approvals"],
        rival_edge_id=optional_id(row["rival_edge_id"]),
        allowed_reasons=None if reasons is None else frozenset(reasons),
        expires_at=row["expires_at"],
    )


async def _facts_of_undos(
    connection: Connection, wanted: Iterable[Wanted], facts: Mapping[EntityId, Facts]
) -> dict[EntityId, Facts]:
    ids = [one.suggestion_id for one in wanted if one.verdict is Verdict.UNDO]
    if not ids:
        return {}
    latest = {
        id_of(row["suggestion_id"]): _undone(row)
        for row in await connection.fetch(DECISIONS.latest_decisions, ids)
    }
    approved = [suggestion_id for suggestion_id, one in latest.items() if one.verdict is Verdict.APPROVE]
    evidence = await _statements_of(connection, approved)
    return {
        suggestion_id: facts[suggestion_id]._replace(
            undone=undone, evidence=tuple(evidence.get(suggestion_id, ()))
        )
        for suggestion_id, undone in latest.items()
    }


def _undone(row: asyncpg.Record) -> Undone:
    linked = zip(row["linked_suggestions"], row["linked_decisions"], strict=True)
    return Undone(
        id=id_of(row["id"]),
        verdict=Verdict(row["verdict"]),
        edge_id=optional_id(row["edge_id"]),
        fingerprints=frozenset(row["fingerprints"]),
        linked={id_of(suggestion_id): id_of(decision_id) for suggestion_id, decision_id in linked},
    )


async def _statements_of(
    connection: Connection, suggestion_ids: Collection[str]
) -> Mapping[EntityId, list[Evidence]]:
    """Return all evidence, oldest first, without payload and reasoning: together they may be very large."""
    found: defaultdict[EntityId, list[Evidence]] = defaultdict(list)
    if suggestion_ids:
        for row in await connection.fetch(DECISIONS.statements_of, suggestion_ids):
            found[id_of(row["suggestion_id"])].append(statement_of(row))
    return found


async def is_functional(connection: Connection, suggestion_id: str) -> bool:
    """Whether of the suggestion's type a node has one edge only."""
    answer: bool = await connection.fetchval(DECISIONS.is_functional, suggestion_id)
    return answer


async def rivals_of(
    connection: Connection, suggestion_id: str, *, after: str, limit: int
) -> list[ShownSuggestion]:
    """Return the first suggestions from the same node by the same type, by the node they lead to."""
    rows = await connection.fetch(DECISIONS.rivals_of, suggestion_id, after, limit)
    return list(map(shown_suggestion, rows))


async def insert_edges(connection: Connection, edges: Sequence[Edge], at: datetime) -> set[str]:
    """Bring edges into being; returns the ids of those that no other edge stood in the way of."""
    rows = [
        (
            edge.id,
            *edge.claim,
            edge.revision,
            edge.confidence,
            edge.strength,
            edge.suggestion_id,
            edge.decision_id,
            edge.created_by,
            edge.is_functional,
        )
        for edge in edges
    ]
    return {str(row["id"]) for row in await connection.fetch(DECISIONS.insert_edges, rows, at)}


async def edges_in_the_way(
    connection: Connection, claims: Sequence[Claim]
) -> dict[Claim, tuple[EntityId, bool]]:
    """Return the edge that stands in the way of each claim, and whether it is the claim's own."""
    columns = [list(column) for column in zip(*claims, strict=True)]
    rows = await connection.fetch(DECISIONS.edges_in_the_way, *columns)
    return {claim_of(row): (id_of(row["id"]), row["is_same"]) for row in rows}


async def delete_edges(connection: Connection, edge_ids: Sequence[str]) -> dict[EntityId, Edge]:
    """Remove edges and return them; those that are gone, or were changed since they were made, are not among them."""
    rows = await connection.fetch(DECISIONS.delete_edges, edge_ids, NEW_EDGE_REVISION)
    edges = map(_edge, rows)
    return {edge.id: edge for edge in edges}


def _edge(row: asyncpg.Record) -> Edge:
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
        is_functional=row["is_functional"],
    )


async def write(connection: Connection, outcomes: Sequence[Outcome], events: Sequence[OutboxEvent]) -> None:
    """Append the decisions, write the suggestions, and tell of it in the audit and by events, all in one statement.

    Raises `LostRevision` when a suggestion is not as it was locked.
    """
    appended = await connection.fetchval(
        DECISIONS.write_decisions,
        list(map(_row, outcomes)),
        audit_rows(map(entry_of, outcomes)),
        *outbox_rows(events),
    )
    if appended != len(outcomes):
        raise LostRevision("A suggestion changed although it was locked.")
    if changed := [one.after for one in outcomes if one.after.standing != one.seen.standing]:
        await connection.execute(DECISIONS.write_standings, list(map(_standing, changed)))


def _row(outcome: Outcome) -> tuple[object, ...]:
    seen, after, one = outcome.seen, outcome.after, outcome.decision
    return (
        one.suggestion_id,
        one.revision,
        one.id,
        after.status,
        one.verdict,
        one.reviewed_by,
        one.reviewed_at,
        one.reason_code,
        one.note,
        one.policy_id,
        one.policy_version,
        one.bulk_id,
        one.linked_to,
        one.imported_at,
        one.time_taken_seconds,
        one.edge_id,
        one.undoes,
        sorted(one.fingerprints),
        None if after.endorsed_by is seen.endorsed_by else after.endorsed_by,
        None if after.remembered is seen.remembered else sorted(after.remembered),
        outcome.expires_at,
    )


def _standing(suggestion: Suggestion) -> tuple[object, ...]:
    standing = suggestion.standing
    return (
        suggestion.id,
        standing.confidence,
        standing.strength,
        standing.evidence_count,
        orjson.dumps(dict(standing.maxima)).decode(),
        standing.strongest,
        standing.source_model,
        standing.analysis_run_id,
        standing.proposed_by,
    )
