"""Making the end of each audit chain known outside the database, so that a chain that was cut shows."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from wayside_events.edges import AuditSealed, AuditSealedData
from wayside_governance.store import audit as stored
from wayside_service.database import Database
from wayside_service.errors import DatabaseUnavailable
from wayside_service.outbox import add_events
from wayside_service.tasks import background

log = structlog.get_logger("wayside_governance.sealing")

_LOOK_SECONDS: Final = 1.0
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Sealer:
    """Tells of heads that moved: each scope's at most once in `interval_seconds`, whichever instance looks first."""

    database: Database
    wake: Callable[[], None]
    interval_seconds: float

    async def run(self) -> None:
        """Look for heads that moved, for ever."""
        while True:
            try:
                await self.seal()
            except DatabaseUnavailable:
                log.debug("audit_not_sealed")
            except Exception:
                log.exception("audit_not_sealed")
            await asyncio.sleep(_LOOK_SECONDS)

    async def seal(self) -> int:
        """Tell of the heads that are due; returns how many."""
        async with self.database.transaction() as connection:
            heads, at = await stored.take_unsealed(connection, self.interval_seconds, _BATCH)
            if not heads:
                return 0
            await stored.seal(connection, heads)
            events = [
                AuditSealed.of(
                    AuditSealedData(chain_id=head.id, position=head.position, hash=head.hash.hex()),
                    scope=head.scope,
                    revision=head.seals,
                    time=at,
                )
                for head in heads
            ]
            await add_events(connection, events)
        self.wake()
        return len(heads)


def sealing_resource(sealer: Sealer) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the `cleanup_ctx` that has heads made known."""

    async def context(_app: web.Application) -> AsyncIterator[None]:
        async with background(sealer.run(), "audit-sealing"):
            yield

    return context
