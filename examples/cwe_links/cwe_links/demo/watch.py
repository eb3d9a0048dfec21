"""Follows a job, and what it proposes, over the gateway's event streams."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from cwe_links.demo.ledger import Ledger
from cwe_links.demo.screen import JobView
from wayside import Client
from wayside.client.streams import EventStream, Reset, Snapshot
from wayside_events.catalogue import AnyEvent
from wayside_events.edges import SuggestionCreated, SuggestionUpdated
from wayside_events.identifiers import EntityId
from wayside_events.jobs import (
    JobCanceled,
    JobCompleted,
    JobFailed,
    JobLogged,
    JobProgressed,
    JobQueued,
    JobStarted,
)

EDGE_TYPES = ["edges.suggestion.*", "edges.edge.*"]
POLL_SECONDS = 0.05


class Watch:
    """Takes every event into the ledger, and brings what is worth seeing to the view."""

    def __init__(self, client: Client, job_id: EntityId, *, after: str | None, view: JobView) -> None:
        self.ledger = Ledger()
        # The suggestions of this job, as the stream showed them.
        self.proposed: set[EntityId] = set()
        self._client = client
        self._job_id = job_id
        self._after = after
        self._view = view

    async def job(self) -> None:
        """Follow the job until it is over."""
        async with self._client.events.job(self._job_id, after=self._after) as stream:
            await self._take(stream, self._show_job)

    @asynccontextmanager
    async def edges(self, scope: str) -> AsyncIterator[None]:
        """Follow suggestions and edges of the scope while the context lasts."""
        async with asyncio.TaskGroup() as group:
            following = group.create_task(self._follow_edges(scope))
            yield
            following.cancel()

    async def _follow_edges(self, scope: str) -> None:
        async with self._client.events.scope(scope, types=EDGE_TYPES, after=self._after) as stream:
            await self._take(stream, self._show_suggestion)

    async def _take(self, stream: EventStream, show: Callable[[AnyEvent], None]) -> None:
        async for item in stream:
            match item:
                case Snapshot():
                    self._view.take_status(item.job.status)
                case Reset():
                    self.ledger.flaws.append(f"the event stream was reset: {item.reason}")
                case event:
                    self.ledger.take(event)
                    show(event)

    def _show_suggestion(self, event: AnyEvent) -> None:
        if (
            isinstance(event, SuggestionCreated | SuggestionUpdated)
            and event.data.analysis_run_id == self._job_id
        ):
            self.proposed.add(event.subject)
            self._view.take_suggestion(event.data)

    def _show_job(self, event: AnyEvent) -> None:
        match event:
            case JobProgressed():
                self._view.take_progress(event.data.progress)
            case JobLogged():
                self._view.take_log(event.data.entries)
            case JobQueued() | JobStarted() | JobCompleted() | JobFailed() | JobCanceled():
                self._view.take_status(event.data.status)
            case _:
                pass


async def holds(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Wait until a condition holds; returns whether it did in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True
