"""What ends by itself is looked for now and then: suggestions that waited too long, contents kept long enough."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from wayside_events.identifiers import ScopeName
from wayside_governance.domain.rules import Settings
from wayside_governance.service.expiring import Expirer
from wayside_governance.service.retention import Retainer
from wayside_governance.store import lifetimes as stored
from wayside_service.database import Database
from wayside_service.errors import DatabaseUnavailable
from wayside_service.tasks import background

log = structlog.get_logger("wayside_governance.sweeping")

_SCOPES: Final = 500


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Goes through all scopes that let anything end, every so often."""

    database: Database
    expirer: Expirer
    retainer: Retainer
    interval_seconds: float

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            try:
                await self.sweep()
            except DatabaseUnavailable:
                log.debug("not_swept")
            except Exception:
                log.exception("not_swept")
            await asyncio.sleep(self.interval_seconds)

    async def sweep(self) -> None:
        """Let end what is due."""
        after = ""
        while True:
            async with self.database.acquire() as connection:
                found = await stored.scopes(connection, after=after, limit=_SCOPES)
            for scope, settings in found:
                await self._attempt(scope, settings)
            if len(found) < _SCOPES:
                return
            after = found[-1][0]

    async def _attempt(self, scope: ScopeName, settings: Settings) -> None:
        """Sweep a scope; a failure there holds up no other scope."""
        try:
            expired = await self.expirer.sweep(scope, settings)
            dropped = await self.retainer.sweep(scope, settings)
        except DatabaseUnavailable:
            log.info("scope_not_swept", scope=scope)
        except Exception:
            log.exception("scope_not_swept", scope=scope)
        else:
            if expired or dropped:
                log.info("swept", scope=scope, expired=expired, dropped=dropped)


def sweeping_resource(sweeper: Sweeper) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the `cleanup_ctx` that sweeps."""

    async def run() -> None:
        await sweeper.database.ready()
        await sweeper.run()

    async def context(_app: web.Application) -> AsyncIterator[None]:
        async with background(run(), "sweeping"):
            yield

    return context
