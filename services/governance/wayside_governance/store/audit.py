"""Storing and reading of the audit chain."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import asyncpg

from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.audit import Entry, EntryFilters, Link
from wayside_governance.store.rows import id_of
from wayside_governance.store.statements import AUDIT, READING
from wayside_service.database import Connection


class Head(NamedTuple):
    """The end of a scope's chain; `id` names the chain in events, `seals` counts them."""

    scope: ScopeName
    id: EntityId
    position: int
    hash: bytes
    seals: int


async def append(connection: Connection, entries: Sequence[Entry]) -> None:
    """Append to the chains of the entries' scopes. The heads stay locked until the commit: let nothing but the outbox follow."""
    if entries:
        await connection.execute(AUDIT.append, audit_rows(entries))


def audit_rows(entries: Iterable[Entry]) -> list[tuple[object, ...]]:
    """Encode entries for a statement that appends them itself."""
    return [(one.scope, one.at, one.actor, one.action, one.subject, one.canonical()) for one in entries]


async def list_entries(
    connection: Connection, filters: EntryFilters, *, before: int, limit: int
) -> list[Link]:
    """Return entries before a position, the latest first; wants a transaction."""
    await connection.execute(READING.plan_for_these_filters)
    return [_link(row) for row in await connection.fetch(AUDIT.list_entries, *filters, before, limit)]


async def head(connection: Connection, scope: ScopeName) -> Head | None:
    """Return the end of a scope's chain, if anything was done there."""
    row = await connection.fetchrow(AUDIT.head, scope)
    return None if row is None else Head(scope, id_of(row["id"]), row["position"], row["hash"], row["seals"])


async def links(connection: Connection, scope: ScopeName, *, after: int, limit: int) -> list[Link]:
    """Return entries after a position, the first first."""
    return [_link(row) for row in await connection.fetch(AUDIT.links, scope, after, limit)]


async def hash_at(connection: Connection, scope: ScopeName, position: int) -> bytes | None:
    """Return the hash at a position, if the chain is as long as that."""
    found: bytes | None = await connection.fetchval(AUDIT.hash_at, scope, position)
    return found


async def take_unsealed(
    connection: Connection, interval_seconds: float, limit: int
) -> tuple[list[Head], datetime]:
    """Lock heads that are to be made known, as far as nobody else has, and return them, as they will be, and the time."""
    rows = await connection.fetch(AUDIT.take_unsealed, interval_seconds, limit)
    heads = [
        Head(row["scope"], id_of(row["id"]), row["position"], row["hash"], row["seals"] + 1) for row in rows
    ]
    return heads, rows[0]["at"] if rows else datetime.min.replace(tzinfo=UTC)


async def seal(connection: Connection, heads: Sequence[Head]) -> None:
    """Remember which heads were made known."""
    await connection.execute(AUDIT.seal, [one.scope for one in heads], [one.position for one in heads])


def _link(row: asyncpg.Record) -> Link:
    return Link(
        row["position"],
        row["at"],
        row["actor"],
        row["action"],
        row["subject"],
        row["entry"],
        row["previous"],
        row["hash"],
    )
