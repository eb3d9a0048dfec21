"""The stream of one job: how it is now, what happens to it, and its end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from aiohttp import web

from wayside_events.catalogue import TERMINAL_TYPES
from wayside_events.cursor import Cursor
from wayside_gateway.events import Replays
from wayside_gateway.streams import control
from wayside_gateway.streams.following import Following
from wayside_gateway.streams.place import Known, Place
from wayside_gateway.streams.subscription import Ending, Subscription
from wayside_gateway.streams.wanted import Wanted
from wayside_gateway.upstream.snapshot import JobSnapshot

NEVER_MS = 24 * 3600 * 1000
"""The `retry` time of a client that has no reason to come back."""

ReadJob = Callable[[], Awaitable[JobSnapshot | web.Response]]


def wanted_of_job(job_id: str) -> Wanted:
    """Return what the stream of one job sends."""
    return Wanted(entities=frozenset({job_id}), until=TERMINAL_TYPES)


class JobFollowing:
    """Streams one job. A client without a usable cursor gets a snapshot first, then what came after it.

    The snapshot of a job that is over says all, so the end follows at once; a client that resumes gets every event.
    """

    def __init__(
        self,
        job_id: str,
        subscription: Subscription,
        following: Following,
        replays: Replays,
        read: ReadJob,
        *,
        end_grace_seconds: float,
    ) -> None:
        self._job_id = job_id
        self._subscription = subscription
        self._following = following
        self._replays = replays
        self._read = read
        self._end_grace_seconds = end_grace_seconds

    async def is_over_for(self, place: Place, snapshot: JobSnapshot) -> bool:
        """Whether the client that is at `place` was told of the job's end."""
        if not snapshot.is_terminal:
            return False
        if place.revision >= snapshot.revision > 0:
            return True
        if await self._following.loss(place.cursor):
            return False
        end = await self._replays.end_of_job(snapshot.scope, self._job_id, snapshot.status)
        return end is not None and end <= place.cursor.sequence

    async def run(self, snapshot: JobSnapshot, place: Place | None) -> None:
        """Stream until the job or the connection is over."""
        loss = await self._following.loss(place.cursor) if place else None
        position = None
        if place and not loss:
            position = place.cursor
            self._subscription.knows(Known(self._job_id, place.revision))
        while True:
            if loss is not None:
                self._following.reset(loss, resume=False)
            if position is None:
                snapshot, position = await self._placed(snapshot)
                self._show(snapshot, position)
            with self._patience(snapshot):
                loss = await self._following.run(position)
            if loss is None:
                return
            again = await self._read()
            if isinstance(again, web.Response):
                return
            snapshot, position = again, None

    async def _placed(self, snapshot: JobSnapshot) -> tuple[JobSnapshot, Cursor]:
        """Return a snapshot with its position; the gateway's own, read before, where the service knows none."""
        if snapshot.position is not None:
            return snapshot, snapshot.position
        position = self._following.topic.cursor
        again = await self._read()
        return (again if isinstance(again, JobSnapshot) else snapshot), position

    def _show(self, snapshot: JobSnapshot, position: Cursor) -> None:
        known = Known(self._job_id, snapshot.revision)
        shown = control.snapshot(snapshot.body, position, known, is_last=snapshot.is_terminal)
        self._subscription.knows(known)
        self._subscription.put(shown)
        if snapshot.is_terminal:
            self._finish(snapshot.status, position)

    @contextmanager
    def _patience(self, snapshot: JobSnapshot) -> Iterator[None]:
        """Wait only so long for the terminal event of a job that is over: it is on its way, or aged out long ago."""
        if not snapshot.is_terminal:
            yield
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(
            self._end_grace_seconds,
            lambda: self._finish(snapshot.status, self._following.topic.cursor, retry_ms=NEVER_MS),
        )
        try:
            yield
        finally:
            timer.cancel()

    def _finish(self, status: str, position: Cursor, *, retry_ms: int | None = None) -> None:
        self._subscription.put(control.ended_before(self._subscription.place(position), status, retry_ms))
        self._subscription.end(Ending.COMPLETE)
