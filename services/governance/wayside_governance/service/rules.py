"""What a scope lays down: its settings and its types of relationships, each change of them in the audit."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from wayside_events.contracts.governance import (
    PutSettingsRequest,
    PutTypeRequest,
    RelationshipTypePage,
    RelationshipTypeRules,
    ScopeSettings,
)
from wayside_events.identifiers import ScopeName
from wayside_governance.domain.audit import Entry
from wayside_governance.domain.rules import Settings, StaleSettings, TypeNotFound
from wayside_governance.service.pages import Page
from wayside_governance.store import audit
from wayside_governance.store import rules as stored
from wayside_service.auth import Principal
from wayside_service.database import Connection, Database

_FRESH_SECONDS: Final = 1.0
_KNOWN_LIMIT: Final = 10_000


class KnownSettings:
    """The settings of scopes as this instance knows them: at most a second old, and its own changes at once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Settings]] = {}

    async def of(self, connection: Connection, scope: str) -> Settings:
        """Return the settings of a scope."""
        read_at, settings = self._known.get(scope, (0.0, None))
        now = time.monotonic()
        if settings is None or now - read_at > _FRESH_SECONDS:
            settings = await stored.settings(connection, scope)
            if len(self._known) >= _KNOWN_LIMIT:
                self._known.clear()
            self._known[scope] = now, settings
        return settings

    def forget(self, scope: str) -> None:
        """Read the settings of a scope anew when they are asked for next."""
        self._known.pop(scope, None)


@dataclass(frozen=True, slots=True)
class RuleService:
    """Reads and changes what scopes lay down. `reasons` hold in a scope that names none."""

    database: Database
    reasons: Mapping[str, str | None]
    known: KnownSettings = field(default_factory=KnownSettings)

    async def settings(self, scope: ScopeName) -> ScopeSettings:
        """Return the settings of a scope."""
        async with self.database.acquire() as connection:
            return await stored.shown_settings(connection, scope, self.reasons)

    async def put_settings(
        self, admin: Principal, scope: ScopeName, wanted: PutSettingsRequest
    ) -> ScopeSettings:
        """Replace the settings of a scope; raises `StaleSettings`."""
        async with self.database.transaction() as connection:
            settings = await stored.put_settings(connection, scope, wanted, admin.subject, self.reasons)
            if settings is None:
                raise await self._stale(connection, scope, wanted)
            details = settings.model_dump(mode="json", exclude={"scope", "changed_by", "changed_at"})
            assert settings.changed_at is not None
            said = _Change(scope, settings.changed_at, admin.subject)
            await audit.append(connection, [said.entry("settings.put", "settings", details)])
        self.known.forget(scope)
        return settings

    async def _stale(
        self, connection: Connection, scope: ScopeName, wanted: PutSettingsRequest
    ) -> StaleSettings:
        current = await stored.shown_settings(connection, scope, self.reasons)
        error = StaleSettings(wanted.if_revision or 0, current.revision)
        error.current = current.model_dump(mode="json", exclude_none=True)
        return error

    async def types(self, scope: ScopeName, page: Page) -> RelationshipTypePage:
        """Return a page of the types that a scope has declared, by name."""
        async with self.database.acquire() as connection:
            found = await stored.relationship_types(
                connection, scope, after=page.page or "", limit=page.limit + 1
            )
        shown = tuple(found[: page.limit])
        next_page = shown[-1].name if len(found) > page.limit else None
        return RelationshipTypePage(items=shown, next_page=next_page)

    async def type(self, scope: ScopeName, name: str) -> RelationshipTypeRules:
        """Return a declared type; raises `TypeNotFound`."""
        async with self.database.acquire() as connection:
            found = await stored.relationship_type(connection, scope, name)
        if found is None:
            raise TypeNotFound(name)
        return found

    async def put_type(
        self, admin: Principal, scope: ScopeName, name: str, wanted: PutTypeRequest
    ) -> RelationshipTypeRules:
        """Declare a type, or change it: holds for what is decided from now on."""
        async with self.database.transaction() as connection:
            rules = await stored.put_type(connection, scope, name, wanted, admin.subject)
            said = _Change(scope, rules.changed_at, admin.subject)
            details = wanted.model_dump(mode="json") | {"revision": rules.revision}
            await audit.append(connection, [said.entry("relationship_type.put", name, details)])
        return rules

    async def delete_type(self, admin: Principal, scope: ScopeName, name: str) -> None:
        """Let a type be as one that was never declared; raises `TypeNotFound`."""
        async with self.database.transaction() as connection:
            deleted_at = await stored.delete_type(connection, scope, name)
            if deleted_at is None:
                raise TypeNotFound(name)
            said = _Change(scope, deleted_at, admin.subject)
            await audit.append(connection, [said.entry("relationship_type.delete", name, {})])


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of the rules: where, when and by whom."""

    scope: ScopeName
    at: datetime
    actor: str

    def entry(self, action: str, subject: str, details: Mapping[str, Any]) -> Entry:
        return Entry(self.scope, self.at, self.actor, action, subject, details)
