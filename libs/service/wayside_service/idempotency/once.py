"""Doing what a request asks for once, however often it is sent."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import orjson
import structlog
from aiohttp import web
from pydantic import BaseModel

from wayside_service.database import Connection, Database
from wayside_service.errors import Conflict, DatabaseUnavailable, Unavailable
from wayside_service.idempotency.table import (
    Answer,
    RequestKey,
    forget_keys,
    keep_answer,
    read_key,
    take_key,
)
from wayside_service.tasks import background

KEPT_SECONDS: Final = 24 * 3600.0

_FORGET_EVERY_SECONDS: Final = 60.0
_FORGET_BATCH: Final = 1_000

Act = Callable[[Connection], Awaitable[Answer]]

log = structlog.get_logger("wayside_service.idempotency")


class IdempotencyConflict(Conflict):
    """The idempotency key was used for another request."""

    code = "idempotency_key_reused"
    title = "The idempotency key belongs to another request"

    def __init__(self, key: str) -> None:
        super().__init__(f"The idempotency key {key} was used before, for another request.")


class KeyReleased(Unavailable):
    """Who had taken the key gave it up at this moment; trying again helps."""

    code = "simultaneous_change"
    title = "Somebody else changed this at the same moment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks in which scope, and with which idempotency key, if any."""

    scope: str
    subject: str
    key: str | None = None

    def asks(self, verb: str, *details: str | BaseModel) -> RequestKey | None:
        """Return the use of the key for one request, None without a key."""
        if self.key is None:
            return None
        said = [detail if isinstance(detail, str) else detail.model_dump(mode="json") for detail in details]
        text = orjson.dumps([verb, *said], option=orjson.OPT_SORT_KEYS)
        return RequestKey(self.scope, self.subject, self.key, hashlib.sha256(text).digest())


class Once:
    """Does what a request asks for: once for each key, within 24 hours.

    A key is taken first; who comes with the same one meanwhile waits, and gets the same answer. An error takes no key,
    for nothing was done: then the request may be corrected or sent again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, use: RequestKey | None, act: Act) -> Answer:
        """Call `act` in a transaction and return its answer, or the one that was kept, after the commit.

        Raises `IdempotencyConflict` for a key of another request, and whatever `act` raises.
        """
        async with self._database.transaction() as connection:
            if use is None:
                return await act(connection)
            if not await take_key(connection, use):
                return await _kept(connection, use)
            answer = await act(connection)
            await keep_answer(connection, use, answer)
            return answer

    async def forget(self) -> int:
        """Delete keys whose time is over, a batch; returns how many."""
        async with self._database.transaction() as connection:
            return await forget_keys(connection, older_than_seconds=KEPT_SECONDS, limit=_FORGET_BATCH)


async def _kept(connection: Connection, use: RequestKey) -> Answer:
    known = await read_key(connection, use)
    if known is None:
        raise KeyReleased
    request_hash, answer = known
    if request_hash != use.request_hash:
        raise IdempotencyConflict(use.key)
    return answer


def forgetting_resource(once: Once) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the `cleanup_ctx` that deletes keys whose time is over; it may run on every instance."""

    async def forget() -> None:
        while True:
            try:
                is_more = await once.forget() == _FORGET_BATCH
            except DatabaseUnavailable:
                is_more = False
            except Exception:
                log.exception("keys_not_forgotten")
                is_more = False
            await asyncio.sleep(0 if is_more else _FORGET_EVERY_SECONDS)

    async def context(_app: web.Application) -> AsyncIterator[None]:
        async with background(forget(), "idempotency-keys"):
            yield

    return context
