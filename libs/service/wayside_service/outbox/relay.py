"""The relay: one instance per service publishes the outbox, in order; the others stand by."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import suppress
from typing import Final

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from wayside_events.bus import BusError
from wayside_service.database.connection import close_connection
from wayside_service.database.pool import Database
from wayside_service.database.translation import database_errors
from wayside_service.errors import DatabaseUnavailable
from wayside_service.outbox.metrics import OutboxMetrics
from wayside_service.outbox.publisher import Publisher
from wayside_service.outbox.session import PublishFailed, RelaySession
from wayside_service.tasks import background

WAKE_PAYLOAD: Final = b"outbox"
"""What a wake message on the service's wake subject says when it is meant for the relay."""

_POLL_SECONDS = 1.0
_STANDBY_SECONDS = 1.0
_FIRST_BACKOFF_SECONDS = 0.1
_LAST_BACKOFF_SECONDS = 2.0
_MEASURE_SECONDS = 5.0
_COMMAND_TIMEOUT_SECONDS = 10.0
_WAKE_LATENCY_SECONDS = 0.25
"""How long a wake-up may be on its way: only an older event was forgotten."""

log = structlog.get_logger("wayside_service.outbox")


class Relay:
    """Publishes what is in the outbox, for as long as it runs.

    `wake()` after a commit makes it look at once; the message goes on to the active instance where that is another.
    A lost wake-up costs one poll interval and is counted.
    """

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        *,
        wake_subject: str,
        conflated_types: Collection[str] = (),
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._wake_subject = wake_subject
        self._conflated_types = frozenset(conflated_types)
        self._metrics = OutboxMetrics(registry or CollectorRegistry())
        self._woken = asyncio.Event()
        self._is_active = False

    @property
    def is_active(self) -> bool:
        """Whether this instance is the one that publishes."""
        return self._is_active

    def wake(self) -> None:
        """Say that events were committed."""
        self._woken.set()

    def hear(self, payload: bytes) -> None:
        """Take a wake message of another instance."""
        if payload == WAKE_PAYLOAD and self._is_active:
            self._woken.set()

    async def run(self) -> None:
        """Relay until cancelled: be active when nobody else is, else stand by and pass wake-ups on."""
        async with background(self._listen(), "outbox-listen"):
            await self._database.ready()
            while True:
                await self._relay_until_the_connection_fails()
                await asyncio.sleep(_STANDBY_SECONDS)

    async def _listen(self) -> None:
        while True:
            try:
                await self._publisher.listen(self._wake_subject, self.hear)
            except Exception as error:  # noqa: BLE001 - the root of a task
                log.info("wake_messages_not_heard", error=repr(error))
                await asyncio.sleep(_STANDBY_SECONDS)
            else:
                return

    async def _relay_until_the_connection_fails(self) -> None:
        try:
            await self._relay_over_one_connection()
        except DatabaseUnavailable:
            log.warning("relay_lost_its_connection")
        except Exception:
            log.exception("relay_failed")

    async def _relay_over_one_connection(self) -> None:
        connection = await self._database.connect(command_timeout_seconds=_COMMAND_TIMEOUT_SECONDS)
        connection.add_termination_listener(lambda _: self.wake())
        session = RelaySession(connection, self._publisher, self._metrics, self._conflated_types)
        try:
            with database_errors():
                while not await session.try_lock():
                    await self._pass_wakes_on(_STANDBY_SECONDS)
                await self._be_active(session)
        finally:
            await close_connection(connection)

    async def _be_active(self, session: RelaySession) -> None:
        self._is_active = True
        self._metrics.takeovers.inc()
        self._metrics.active.set(1)
        log.info("relay_active")
        try:
            await self._publish_for_ever(session)
        finally:
            self._is_active = False
            self._metrics.active.set(0)

    async def _publish_for_ever(self, session: RelaySession) -> None:
        woken = True
        measured_at = float("-inf")
        backoff_seconds = _FIRST_BACKOFF_SECONDS
        while True:
            self._woken.clear()
            if time.monotonic() - measured_at >= _MEASURE_SECONDS:
                measured_at = time.monotonic()
                await session.measure()
            try:
                age_seconds = await session.publish_next()
            except PublishFailed as error:
                log.warning("events_not_published", error=str(error), retry_seconds=backoff_seconds)
                self._metrics.failed.inc()
                await asyncio.sleep(backoff_seconds)
                backoff_seconds = min(2 * backoff_seconds, _LAST_BACKOFF_SECONDS)
                continue
            backoff_seconds = _FIRST_BACKOFF_SECONDS
            if age_seconds is None:
                woken = await self._wait_for_wake(_POLL_SECONDS)
            elif not woken and age_seconds > _WAKE_LATENCY_SECONDS:
                self._metrics.unwoken.inc()
                woken = True

    async def _pass_wakes_on(self, seconds: float) -> None:
        """Stand by, and tell the active instance of commits here."""
        if not await self._wait_for_wake(seconds):
            return
        self._woken.clear()
        with suppress(BusError):
            await self._publisher.notify(self._wake_subject, WAKE_PAYLOAD)

    async def _wait_for_wake(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True


def outbox_resource(relay: Relay) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the `cleanup_ctx` that runs `relay` with the application; it comes after the database and the bus."""

    async def context(_app: web.Application) -> AsyncIterator[None]:
        async with background(relay.run(), "outbox"):
            yield

    return context
