"""Storing and reading of what a scope lays down."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import asyncpg
import orjson

from wayside_events.contracts.governance import (
    PutSettingsRequest,
    PutTypeRequest,
    ReasonCode,
    RelationshipTypeRules,
    ScopeSettings,
)
from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import ScopeName
from wayside_governance.domain.rules import Settings
from wayside_governance.store.statements import RULES
from wayside_service.database import Connection

_DEFAULTS: Final = Settings()


async def settings(connection: Connection, scope: str) -> Settings:
    """Return the settings of a scope, as others act on them."""
    row = await connection.fetchrow(RULES.settings, scope)
    return _DEFAULTS if row is None else settings_of(row)


def settings_of(row: asyncpg.Record) -> Settings:
    """Read a row of `scope_settings`."""
    return Settings(
        revision=row["revision"],
        reason_codes=_reasons(row),
        refuses_unknown_nodes=row["refuses_unknown_nodes"],
        pending_ttl_seconds=row["pending_ttl_seconds"],
        retention=_retention(row),
    )


async def shown_settings(
    connection: Connection, scope: ScopeName, default_reasons: Mapping[str, str | None]
) -> ScopeSettings:
    """Return the settings of a scope as they are shown."""
    row = await connection.fetchrow(RULES.settings, scope)
    if row is None:
        return ScopeSettings(scope=scope, revision=0, reason_codes=_shown_reasons(default_reasons))
    return _shown_settings(row, default_reasons)


async def put_settings(
    connection: Connection,
    scope: ScopeName,
    wanted: PutSettingsRequest,
    changed_by: str,
    default_reasons: Mapping[str, str | None],
) -> ScopeSettings | None:
    """Replace the settings of a scope; None when they are at another revision than was seen."""
    reasons = wanted.reason_codes
    row = await connection.fetchrow(
        RULES.put_settings,
        scope,
        wanted.if_revision,
        None if reasons is None else [reason.code for reason in reasons],
        None if reasons is None else [reason.label for reason in reasons],
        wanted.unknown_nodes == "refuse",
        wanted.pending_ttl_seconds,
        orjson.dumps({str(status): seconds for status, seconds in wanted.retention.items()}),
        changed_by,
    )
    return None if row is None else _shown_settings(row, default_reasons)


async def relationship_type(
    connection: Connection, scope: ScopeName, name: str
) -> RelationshipTypeRules | None:
    """Return a declared type."""
    row = await connection.fetchrow(RULES.type, scope, name)
    return None if row is None else _type(row)


async def relationship_types(
    connection: Connection, scope: ScopeName, *, after: str, limit: int
) -> list[RelationshipTypeRules]:
    """Return declared types by name."""
    return [_type(row) for row in await connection.fetch(RULES.list_types, scope, after, limit)]


async def put_type(
    connection: Connection, scope: ScopeName, name: str, wanted: PutTypeRequest, changed_by: str
) -> RelationshipTypeRules:
    """Declare a type, or change it."""
    row = await connection.fetchrow(
        RULES.put_type, scope, name, wanted.is_functional, wanted.required_approvals, changed_by
    )
    assert row is not None
    return _type(row)


async def delete_type(connection: Connection, scope: ScopeName, name: str) -> datetime | None:
    """Forget a declared type; returns when, or None if there is none."""
    row = await connection.fetchrow(RULES.delete_type, scope, name)
    return None if row is None else row["deleted_at"]


def _shown_settings(row: asyncpg.Record, default_reasons: Mapping[str, str | None]) -> ScopeSettings:
    reasons = _reasons(row)
    return ScopeSettings(
        scope=row["scope"],
        revision=row["revision"],
        reason_codes=_shown_reasons(default_reasons if reasons is None else reasons),
        unknown_nodes="refuse" if row["refuses_unknown_nodes"] else "accept",
        pending_ttl_seconds=row["pending_ttl_seconds"],
        retention=_retention(row),
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
    )


def _shown_reasons(reasons: Mapping[str, str | None]) -> tuple[ReasonCode, ...]:
    return tuple(ReasonCode(code=code, label=label) for code, label in reasons.items())


def _reasons(row: asyncpg.Record) -> dict[str, str | None] | None:
    if row["reason_codes"] is None:
        return None
    return dict(zip(row["reason_codes"], row["reason_labels"], strict=True))


def _retention(row: asyncpg.Record) -> dict[SuggestionStatus, int | None]:
    said: dict[str, Any] = orjson.loads(row["retention"])
    return {SuggestionStatus(status): seconds for status, seconds in said.items()}


def _type(row: asyncpg.Record) -> RelationshipTypeRules:
    return RelationshipTypeRules(**dict(row))
