"""Storing of what ends: waiting, proposals that are taken back, and the time for which contents are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.rules import Settings
from wayside_governance.store.rows import id_of
from wayside_governance.store.rules import settings_of
from wayside_governance.store.statements import LIFETIMES
from wayside_service.database import Connection


class Due(NamedTuple):
    """A suggestion whose time is over, and its revision then."""

    id: EntityId
    revision: int


class Dropped(NamedTuple):
    """How many suggestions lost content, with how many pieces of evidence and notes, and when."""

    suggestions: int
    evidence: int
    notes: int
    at: datetime


class Share(NamedTuple):
    """Whether somebody proposed a suggestion, and whether others did too."""

    is_own: bool
    has_others: bool


async def scopes(connection: Connection, *, after: str, limit: int) -> list[tuple[ScopeName, Settings]]:
    """Return scopes, by name, in which anything ends by itself."""
    rows = await connection.fetch(LIFETIMES.scopes, after, limit)
    return [(ScopeName(row["scope"]), settings_of(row)) for row in rows]


async def try_lock(connection: Connection, name: str) -> bool:
    """Whether no other instance does what `name` says; none does until the commit."""
    is_free: bool = await connection.fetchval(LIFETIMES.try_lock, name)
    return is_free


async def due(connection: Connection, scope: ScopeName, ttl_seconds: int, limit: int) -> list[Due]:
    """Return pending suggestions whose time is over."""
    rows = await connection.fetch(LIFETIMES.due, scope, ttl_seconds, limit)
    return [Due(id_of(row["id"]), row["revision"]) for row in rows]


async def drop_content(
    connection: Connection, scope: ScopeName, status: SuggestionStatus, seconds: int, limit: int
) -> Dropped:
    """Empty the contents of suggestions that have been in a status for so long."""
    row = await connection.fetchrow(LIFETIMES.drop_content, scope, status, seconds, limit)
    assert row is not None
    return Dropped(**dict(row))


async def drop_bulk_notes(
    connection: Connection, scope: ScopeName, seconds: int, limit: int
) -> tuple[int, datetime]:
    """Empty the notes of bulks that have been over for so long; returns how many, and when."""
    row = await connection.fetchrow(LIFETIMES.drop_bulk_notes, scope, seconds, limit)
    assert row is not None
    return row["notes"], row["at"]


async def of_run(
    connection: Connection, scope: ScopeName, run_id: str, *, after: str, limit: int
) -> tuple[list[EntityId], EntityId | None]:
    """Return suggestions of a run, by id, and the id after which there may be more."""
    rows = await connection.fetch(LIFETIMES.of_run, scope, run_id, after, limit)
    last = await connection.fetchval(LIFETIMES.last_of_run, run_id, after, limit)
    return [id_of(row["id"]) for row in rows], None if last is None else id_of(last)


async def lock(connection: Connection, scope: ScopeName, suggestion_ids: Sequence[str]) -> list[EntityId]:
    """Lock those of some suggestions that are in the scope, and return them."""
    return [id_of(row["id"]) for row in await connection.fetch(LIFETIMES.lock, scope, suggestion_ids)]


async def shares(
    connection: Connection, suggestion_ids: Sequence[str], who: str, run_id: str | None
) -> dict[EntityId, Share]:
    """Return who has a share in suggestions that are locked; with a run, its other runs count as others."""
    rows = await connection.fetch(LIFETIMES.shares, suggestion_ids, who, run_id)
    return {id_of(row["id"]): Share(row["is_own"], row["has_others"]) for row in rows}
