"""Reading and verifying of the audit chain."""

import asyncio
import time
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import orjson

from wayside_events.contracts.governance import (
    AuditBreak,
    AuditEntry,
    AuditHead,
    AuditPage,
    AuditVerification,
)
from wayside_events.identifiers import ScopeName
from wayside_governance.domain.audit import GENESIS, Break, EntryFilters, Link, find_break
from wayside_governance.domain.errors import InvalidPage
from wayside_governance.service.pages import Page
from wayside_governance.store import audit as stored
from wayside_service.database import Connection, Database

CHUNK: Final = 1_000
_PATIENCE_SECONDS: Final = 1.0
_POSITION_DIGITS: Final = 18
_ONE_SNAPSHOT: Final = MappingProxyType({"isolation": "repeatable_read", "readonly": True})


@dataclass(frozen=True, slots=True)
class KnownHead:
    """A head that somebody has from an event or an earlier answer."""

    position: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class AuditService:
    """Answers what was done in a scope, and whether the record of it holds."""

    database: Database
    patience_seconds: float = _PATIENCE_SECONDS

    async def entries(self, filters: EntryFilters, page: Page) -> AuditPage:
        """Return a page of entries, the latest first."""
        before = _position_of(page.page)
        async with self.database.transaction(readonly=True) as connection:
            found = await stored.list_entries(connection, filters, before=before, limit=page.limit + 1)
        shown = found[: page.limit]
        next_page = str(shown[-1].position) if len(found) > page.limit else None
        return AuditPage(items=tuple(map(_shown, shown)), next_page=next_page)

    async def verify(self, scope: ScopeName, after: int, known: KnownHead | None) -> AuditVerification:
        """Check the chain after a position, for about a second; the entry there is taken as it is.

        What is there and what should be there are of one snapshot.
        """
        async with self.database.transaction(**_ONE_SNAPSHOT) as connection:
            head = await stored.head(connection, scope)
            end = (head.position, head.hash) if head else (0, GENESIS)
            walk = await self._walk(connection, scope, after, end)
            has_known = None if known is None else await _has(connection, scope, known)
        return AuditVerification(
            scope=scope,
            after=after,
            checked_to=walk.position,
            is_intact=walk.broken is None,
            broken=AuditBreak(position=walk.broken.position, reason=walk.broken.reason)
            if walk.broken
            else None,
            has_known_head=has_known,
            head=AuditHead(chain_id=head.id if head else None, position=end[0], hash=end[1].hex()),
            next_after=walk.position if walk.broken is None and walk.position < end[0] else None,
        )

    async def _walk(
        self, connection: Connection, scope: ScopeName, after: int, end: tuple[int, bytes]
    ) -> "_Walk":
        previous = GENESIS if after == 0 else await stored.hash_at(connection, scope, after)
        if previous is None:
            return _Walk(after, Break(after, "there is no such entry"))
        position, deadline = after, time.monotonic() + self.patience_seconds
        while links := await stored.links(connection, scope, after=position, limit=CHUNK):
            if broken := find_break(links, position=position, previous=previous, scope=scope):
                return _Walk(broken.position - 1, broken)
            position, previous = links[-1].position, links[-1].hash
            if time.monotonic() > deadline and position < end[0]:
                return _Walk(position)
            await asyncio.sleep(0)
        if (position, previous) != end:
            return _Walk(position, Break(position + 1, f"the chain should end at position {end[0]}"))
        return _Walk(position)


@dataclass(frozen=True, slots=True)
class _Walk:
    """How far the chain was checked, and where it broke."""

    position: int
    broken: Break | None = None


async def _has(connection: Connection, scope: ScopeName, known: KnownHead) -> bool:
    if known.position == 0:
        return known.hash == GENESIS
    return await stored.hash_at(connection, scope, known.position) == known.hash


def _position_of(page: str | None) -> int:
    if page is None:
        return 10**_POSITION_DIGITS
    if not (page.isascii() and page.isdecimal() and len(page) <= _POSITION_DIGITS):
        raise InvalidPage("Not a next_page of this list.")
    return int(page)


def _shown(link: Link) -> AuditEntry:
    return AuditEntry(
        position=link.position,
        at=link.at,
        actor=link.actor,
        action=link.action,
        subject=link.subject,
        details=orjson.loads(link.entry)["details"],
        entry=link.entry.decode(),
        hash=link.hash.hex(),
    )
