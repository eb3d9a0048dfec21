"""Storing of bulks: what is wanted, of which suggestions, and how far it is."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import orjson

from wayside_events.contracts.governance import (
    DECISION_BULK_LIMIT,
    BulkItemOutcome,
    BulkTarget,
    DecisionBulkAction,
    DecisionBulkItem,
    DecisionBulkState,
    Suggestion,
    SuggestionFilter,
)
from wayside_events.contracts.problems import Problem
from wayside_events.identifiers import EntityId, ScopeName, new_id
from wayside_governance.domain.bulk import Bulk, Handled, Item, Order
from wayside_governance.store.reading import shown_suggestion
from wayside_governance.store.rows import id_of, optional_id
from wayside_governance.store.statements import BULK, READING
from wayside_service.database import Connection


async def insert(
    connection: Connection,
    order: Order,
    state: DecisionBulkState,
    *,
    matched: int,
    kept_seconds: float | None,
) -> Bulk:
    """Insert a new bulk; a dry run is kept so long."""
    row = await connection.fetchrow(BULK.insert, new_id(), state, matched, kept_seconds, *order)
    assert row is not None
    return _bulk(row)


async def note_matches(connection: Connection, bulk: Bulk, wanted: SuggestionFilter) -> Bulk:
    """Note what a filter finds, one more than there may be at most."""
    await connection.execute(READING.plan_for_these_filters)
    matched = await connection.fetchval(
        BULK.note_matches,
        bulk.id,
        bulk.scope,
        0.0 if wanted.min_confidence is None else wanted.min_confidence,
        1.0 if wanted.max_confidence is None else wanted.max_confidence,
        wanted.from_node_id,
        wanted.to_node_id,
        wanted.node_id,
        wanted.relationship_type,
        wanted.source_model,
        DECISION_BULK_LIMIT + 1,
        wanted.analysis_run_id,
    )
    return await _with_matched(connection, bulk, matched)


async def note_targets(connection: Connection, bulk: Bulk, targets: Sequence[BulkTarget]) -> None:
    """Note what was named."""
    ids = [target.suggestion_id for target in targets]
    await connection.execute(BULK.note_targets, bulk.id, ids, [target.revision for target in targets])


async def note_decided(connection: Connection, bulk: Bulk) -> Bulk:
    """Note what the bulk that this one takes back has decided."""
    matched = await connection.fetchval(BULK.note_decided, bulk.id, bulk.undo_of)
    return await _with_matched(connection, bulk, matched)


async def sample(connection: Connection, bulk: Bulk, limit: int) -> list[Suggestion]:
    """Return some of what was noted, the surest."""
    return [shown_suggestion(row) for row in await connection.fetch(BULK.sample, bulk.id, bulk.scope, limit)]


async def count_visible(connection: Connection, bulk: Bulk) -> int:
    """Return how many of what was noted are in the scope."""
    count: int = await connection.fetchval(BULK.count_visible, bulk.id, bulk.scope)
    return count


async def read(connection: Connection, bulk_id: str) -> Bulk | None:
    """Return a bulk."""
    row = await connection.fetchrow(BULK.read, bulk_id)
    return None if row is None else _bulk(row)


async def lock(connection: Connection, bulk_id: str) -> tuple[Bulk, bool] | None:
    """Return a bulk that nobody else works on until the transaction ends, and whether it is a dry run that expired."""
    row = await connection.fetchrow(BULK.lock, bulk_id)
    return None if row is None else (_bulk(row), bool(row["is_expired"]))


async def let_expire(connection: Connection, order: Order, keep: int) -> None:
    """Let all dry runs of who gives the order expire but the latest, of which so many are kept."""
    await connection.execute(BULK.let_expire, order.scope, order.asked_by, keep)


async def begin(connection: Connection, bulk: Bulk) -> Bulk:
    """Let a bulk run that was a dry run."""
    row = await connection.fetchrow(BULK.begin, bulk.id)
    assert row is not None
    return _bulk(row)


async def items_after(connection: Connection, bulk: Bulk, limit: int) -> list[Item]:
    """Return the items that are next."""
    rows = await connection.fetch(BULK.items_after, bulk.id, bulk.handled, limit)
    return [
        Item(row["position"], id_of(row["suggestion_id"]), row["revision"], optional_id(row["undoes"]))
        for row in rows
    ]


async def advance(connection: Connection, bulk: Bulk, worked: Sequence[Handled]) -> Bulk:
    """Count what has been worked on."""
    decided = sum(one.outcome is BulkItemOutcome.DECIDED for one in worked)
    refused = sum(one.outcome is BulkItemOutcome.REFUSED for one in worked)
    row = await connection.fetchrow(BULK.advance, bulk.id, decided, len(worked) - decided - refused, refused)
    assert row is not None
    return _bulk(row)


async def keep_failures(
    connection: Connection, bulk: Bulk, failed: Sequence[tuple[Handled, Problem | None]]
) -> None:
    """Keep what was not decided, and why."""
    if failed:
        await connection.execute(
            BULK.keep_failures,
            bulk.id,
            [one.item.position for one, _ in failed],
            [one.item.suggestion_id for one, _ in failed],
            [one.outcome for one, _ in failed],
            [problem and problem.model_dump_json(exclude_none=True) for _, problem in failed],
        )


async def finish(connection: Connection, bulk_id: str, state: DecisionBulkState) -> Bulk | None:
    """End a bulk that runs; None when it does not."""
    row = await connection.fetchrow(BULK.finish, bulk_id, state)
    return None if row is None else _bulk(row)


async def set_job(connection: Connection, bulk_id: str, job_id: str) -> Bulk:
    """Remember the job that works on a bulk."""
    row = await connection.fetchrow(BULK.set_job, bulk_id, job_id)
    assert row is not None
    return _bulk(row)


async def failures(
    connection: Connection, bulk_id: str, *, after: int, limit: int
) -> list[tuple[int, DecisionBulkItem]]:
    """Return what was not decided, each with its position."""
    return [
        (
            row["position"],
            DecisionBulkItem(
                suggestion_id=id_of(row["suggestion_id"]),
                outcome=BulkItemOutcome(row["outcome"]),
                problem=None
                if row["problem"] is None
                else Problem.model_validate(orjson.loads(row["problem"])),
            ),
        )
        for row in await connection.fetch(BULK.failures, bulk_id, after, limit)
    ]


async def undo_of(connection: Connection, bulk_id: str) -> EntityId | None:
    """Return the bulk that takes another one back."""
    return optional_id(await connection.fetchval(BULK.undo_of, bulk_id))


async def quiet(connection: Connection, *, seconds: float, limit: int) -> list[Bulk]:
    """Return bulks that should run, and that nobody has worked on for a while."""
    return [_bulk(row) for row in await connection.fetch(BULK.quiet, seconds, limit)]


async def list_of_scope(
    connection: Connection, scope: ScopeName, *, before: tuple[datetime, str], limit: int
) -> list[Bulk]:
    """Return bulks of a scope, the latest first."""
    return [_bulk(row) for row in await connection.fetch(BULK.list_of_scope, scope, *before, limit)]


async def drop(connection: Connection, limit: int) -> int:
    """Delete what nobody needs any more, a batch; returns how much."""
    items: int = await connection.fetchval(BULK.drop_items, limit)
    await connection.execute(BULK.note_emptied)
    previews: int = await connection.fetchval(BULK.drop_previews, limit)
    return items + previews


async def _with_matched(connection: Connection, bulk: Bulk, matched: int) -> Bulk:
    row = await connection.fetchrow(BULK.set_matched, bulk.id, matched)
    assert row is not None
    return _bulk(row)


def _bulk(row: asyncpg.Record) -> Bulk:
    return Bulk(
        id=id_of(row["id"]),
        scope=ScopeName(row["scope"]),
        action=DecisionBulkAction(row["action"]),
        state=DecisionBulkState(row["state"]),
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        asked_for=row["asked_for"],
        reason_code=row["reason_code"],
        note=row["note"],
        undo_of=optional_id(row["undo_of"]),
        matched=row["matched"],
        handled=row["handled"],
        decided=row["decided"],
        changed=row["changed"],
        refused=row["refused"],
        job_id=optional_id(row["job_id"]),
        expires_at=row["expires_at"],
        changed_at=row["changed_at"],
        finished_at=row["finished_at"],
    )
