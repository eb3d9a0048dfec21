"""Queues as operators set them, and the limits that claims obey."""

import asyncio
import time
from collections.abc import Sequence

import structlog

from wayside_events.contracts.jobs import QueueLimits, QueueSettings
from wayside_jobs.domain.errors import QueueNotFound
from wayside_jobs.domain.facts import Canceled, Completed, Failed, Queued
from wayside_jobs.domain.flow import Limits
from wayside_jobs.domain.job import Change
from wayside_jobs.domain.reserved import check_queue
from wayside_jobs.domain.values import plain_text
from wayside_jobs.service.announcing import ANY_QUEUE, Announcer
from wayside_jobs.store.queues import QueueTable
from wayside_service.errors import Unavailable

MAX_AGE_SECONDS = 5.0
"""How old what is known of limits may be when the message about a change was lost."""

log = structlog.get_logger("wayside_jobs.queues")


class Flow:
    """All limits, as they were read a few seconds ago at most, or since somebody changed one."""

    def __init__(self, table: QueueTable, announcer: Announcer) -> None:
        self._table = table
        self._announcer = announcer
        self._known = Limits()
        self._read_at: float | None = None
        self._generation = 0
        self._changed = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        announcer.on_types(self._forget)
        announcer.on_limits(self._forget)
        announcer.on_changes(self._wake_where_room_is)

    async def limits(self) -> Limits:
        """Return the limits; raises `DatabaseUnavailable` when they have to be read and cannot be."""
        while (known := self.known()) is None:
            await self.refresh()
        return known

    def known(self) -> Limits | None:
        """Return the limits if they are known."""
        is_known = self._read_at is not None and time.monotonic() - self._read_at <= 2 * MAX_AGE_SECONDS
        return self._known if is_known else None

    async def refresh(self) -> None:
        """Read the limits, once for all who want that now."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="limits")
        await asyncio.shield(self._reading)

    async def run(self) -> None:
        """Keep the limits fresh, so that no claim has to wait for them, for ever."""
        while True:
            self._changed.clear()
            try:
                await self.refresh()
            except Unavailable as error:
                log.info("limits_not_read", error=str(error))
            try:
                async with asyncio.timeout(MAX_AGE_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _read(self) -> None:
        started, generation = time.monotonic(), self._generation
        try:
            known = await self._table.limits()
        finally:
            self._reading = None
        before, self._known = self._known, known
        if generation == self._generation:
            self._read_at = started
        if known != before:
            self._announcer.ready_here([ANY_QUEUE])

    def _forget(self) -> None:
        self._generation += 1
        self._read_at = None
        self._changed.set()

    def _wake_where_room_is(self, changes: Sequence[Change]) -> None:
        """Jobs that left `running` may have made room for others."""
        known = self._known
        if not known.total and not known.per_scope:
            return
        freed = {(change.job.queue, change.job.type) for change in changes if isinstance(change.fact, _LEFT)}
        queues = {queue for queue, _ in freed if known.keys_of([queue], [])}
        if any(known.keys_of([], [job_type]) for _, job_type in freed):
            queues.add(ANY_QUEUE)
        self._announcer.ready(queues)


_LEFT = (Completed, Failed, Canceled, Queued)


class Queues:
    """What operators may do with a queue."""

    def __init__(self, table: QueueTable, announcer: Announcer) -> None:
        self._table = table
        self._announcer = announcer

    async def pause(self, name: str, *, by: str, reason: str | None) -> QueueSettings:
        """Give out no more jobs of a queue, at any instance; who pauses last is the one it says.

        Raises `ReservedQueue`, `QueueNotFound` or `InvalidValue`.
        """
        await self._check(name)
        paused = await self._table.pause(name, by=by, reason=plain_text(reason, "/reason"))
        log.info("queue_paused", queue=name, by=by, reason=reason)
        return paused

    async def resume(self, name: str, *, by: str) -> QueueSettings:
        """Give out jobs of a queue again; raises `ReservedQueue` or `QueueNotFound`."""
        await self._check(name)
        resumed = await self._table.resume(name)
        log.info("queue_resumed", queue=name, by=by)
        self._announcer.ready({name})
        return resumed

    async def limit(self, name: str, limits: QueueLimits, *, by: str) -> QueueSettings:
        """Set how many jobs of a queue may run at once; those that run already go on. Raises `ReservedQueue`.

        A queue that nobody knows yet is known from then on.
        """
        check_queue(name)
        limited = await self._table.limit(name, limits)
        log.info("queue_limited", queue=name, by=by, **limits.model_dump())
        self._announcer.limits_changed()
        return limited

    async def _check(self, name: str) -> None:
        check_queue(name)
        if not await self._table.is_known(name):
            raise QueueNotFound(name)
