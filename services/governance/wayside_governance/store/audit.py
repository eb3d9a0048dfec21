"""Storing and reading of the audit chain."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.audit import Entry, Link
from wayside_governance.store.rows import id_of
from wayside_governance.store.statements import AUDIT
from wayside_service.database import Connection


class Head(NamedTuple):
    """The end of a scope's chain; `id` names the chain in events, `seals` counts them."""

    scope: ScopeName
    id: EntityId
    position: int
    hash: bytes
    seals: int


class EntryFilters(NamedTuple):
    """Which entries of a scope are wanted; None is any. `before` is a moment, and not among them."""

    scope: str
    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    before: datetime | None = None


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
    """Return entries before a position, the latest first."""
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


async def take_unsealed(connection: Connection, limit: int) -> list[Head]:
    """Lock heads that moved since they were last made known, as far as nobody else has, and return them."""
    rows = await connection.fetch(AUDIT.take_unsealed, limit)
    return [
        Head(row["scope"], id_of(row["id"]), row["position"], row["hash"], row["seals"] + 1) for row in rows
    ]


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
