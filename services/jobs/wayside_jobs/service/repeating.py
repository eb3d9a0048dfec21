"""Requests that may be sent twice: what they do, and the answer that is kept, are one transaction."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import orjson
from pydantic import BaseModel

from wayside_jobs.domain.errors import IdempotencyConflict, SimultaneousChange
from wayside_jobs.domain.job import Change
from wayside_jobs.domain.values import plain_text
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.store import Store, Unit
from wayside_jobs.store.keys import Answer, Keys, RequestKey

_TRIES = 4
"""How often a request is tried whose rows others change at the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks in which scope, and with which idempotency key, if any."""

    scope: str
    subject: str
    key: str | None = None

    def asks(self, verb: str, *details: str | BaseModel) -> RequestKey | None:
        """Return the use of the key for one request; raises `InvalidValue` for a key that cannot be stored."""
        if self.key is None:
            return None
        plain_text(self.key, "/idempotency_key")
        said = [detail if isinstance(detail, str) else detail.model_dump(mode="json") for detail in details]
        text = orjson.dumps([verb, *said], option=orjson.OPT_SORT_KEYS)
        return RequestKey(self.scope, self.subject, self.key, hashlib.sha256(text).digest())


@dataclass(frozen=True, slots=True)
class Done:
    """What a request did: the answer, and the changes to announce once they are committed."""

    answer: Answer
    changes: Sequence[Change] = ()


Act = Callable[[Unit], Awaitable[Done]]


class Once:
    """Does what a request asks for: once for each key, within 24 hours.

    A key is taken first; who comes with the same one meanwhile waits, and gets the same answer. An error takes no key,
    for nothing was done: then the request may be corrected or sent again.
    """

    def __init__(self, store: Store, announcer: Announcer) -> None:
        self._store = store
        self._announcer = announcer

    async def run(self, use: RequestKey | None, act: Act) -> Answer:
        """Call `act` in a transaction and return its answer, or the one that was kept.

        Raises `IdempotencyConflict` for a key of another request, and whatever `act` raises.
        """
        for tries_left in reversed(range(_TRIES)):
            try:
                return await self._try(use, act)
            except SimultaneousChange:
                if not tries_left:
                    raise
        raise AssertionError

    async def _try(self, use: RequestKey | None, act: Act) -> Answer:
        async with self._store.transaction() as unit:
            keys = Keys(unit)
            if use is not None and not await keys.take(use):
                return await _kept(keys, use)
            done = await act(unit)
            if use is not None:
                await keys.keep(use, done.answer)
        self._announcer.committed(done.changes)
        return done.answer


async def _kept(keys: Keys, use: RequestKey) -> Answer:
    known = await keys.known(use)
    if known is None:
        raise SimultaneousChange("The key was given up at this moment.")
    request_hash, answer = known
    if request_hash != use.request_hash or answer is None:
        raise IdempotencyConflict(use.key)
    return answer
