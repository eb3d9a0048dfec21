"""Opens streams: checks, limits, and what a client is told when that is not possible now."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from wayside_events.cursor import Cursor
from wayside_gateway.errors import ShuttingDown, StreamLimitReached
from wayside_gateway.events import Feeds, Replays
from wayside_gateway.live.job import JobFollowing, wanted_of_job
from wayside_gateway.live.page import EventPage
from wayside_gateway.sse.stream import ClientStream, StreamSettings, spread_ms
from wayside_gateway.sse.wire import CONTENT_TYPE
from wayside_gateway.streams import control
from wayside_gateway.streams.connections import Connection, Connections, TooManyStreams
from wayside_gateway.streams.feed import SourceUnavailable
from wayside_gateway.streams.following import Following, reset_reason
from wayside_gateway.streams.place import Place
from wayside_gateway.streams.stats import Stats
from wayside_gateway.streams.topic import Topic
from wayside_gateway.streams.wanted import Wanted
from wayside_gateway.upstream.snapshot import JobReader, JobSnapshot
from wayside_service.auth import Principal, Role
from wayside_service.errors import BusUnavailable, NotFound, Unavailable

log = structlog.get_logger(__name__)

Serve = Callable[[ClientStream], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Live:
    """Everything streams are made of."""

    feeds: Feeds
    replays: Replays
    connections: Connections
    jobs: JobReader
    stats: Stats
    settings: StreamSettings
    end_grace_seconds: float

    async def events(
        self, request: web.Request, principal: Principal, scope: str, wanted: Wanted, cursor: Cursor | None
    ) -> web.StreamResponse:
        """Stream the wanted events of a scope, after `cursor` or from now on."""

        async def serve(stream: ClientStream) -> web.StreamResponse:
            async with self.feeds.topic(scope) as topic:
                position = cursor or topic.cursor
                await stream.open(Place(position))
                if not stream.is_head:
                    connection = stream.connection(principal)
                    with self.connections.kept(connection):
                        await self._following(connection, topic).stay(position)
            return stream.response

        return await self._serve(request, principal, wanted, serve)

    async def page(self, scope: str, wanted: Wanted, cursor: Cursor | None, limit: int) -> EventPage:
        """Return the next wanted events after `cursor`, for clients that poll; raises `BusUnavailable`."""
        try:
            state = await self.feeds.state()
            if cursor is None:
                return EventPage([], state.position)
            if not state.keeps_all_after(cursor):
                return EventPage([], state.position, reset=reset_reason(cursor, state.position))
            upto = state.position.sequence
            batch = await self.replays.page(scope, wanted, cursor, upto)
            # Again, as events may have gone before they could be read.
            if not (state := await self.feeds.state()).keeps_all_after(cursor):
                return EventPage([], state.position, reset=reset_reason(cursor, state.position))
        except SourceUnavailable:
            raise BusUnavailable from None
        if batch is None:
            return EventPage([], cursor.at(upto))
        frames = batch.frames[:limit]
        return EventPage(frames, cursor.at(frames[-1].sequence), more=frames[-1].sequence < upto)

    async def job(
        self, request: web.Request, principal: Principal, job_id: str, place: Place | None
    ) -> web.StreamResponse:
        """Stream one job: a snapshot unless the client goes on from `place`, its events, and its end."""

        async def read() -> JobSnapshot | web.Response:
            snapshot = await self.jobs.read(request, job_id)
            if isinstance(snapshot, JobSnapshot) and not principal.may(Role.VIEWER, snapshot.scope):
                raise NotFound(f"There is no job {job_id}.")
            return snapshot

        async def serve(stream: ClientStream) -> web.StreamResponse:
            snapshot = await read()
            if isinstance(snapshot, web.Response):
                return snapshot
            async with self.feeds.topic(snapshot.scope) as topic:
                connection = stream.connection(principal)
                job = JobFollowing(
                    job_id,
                    connection.subscription,
                    self._following(connection, topic),
                    self.replays,
                    read,
                    end_grace_seconds=self.end_grace_seconds,
                )
                if place and await job.is_over_for(place, snapshot):
                    return web.Response(status=204)
                await stream.open(place)
                if not stream.is_head:
                    with self.connections.kept(connection):
                        await job.run(snapshot, place)
            return stream.response

        return await self._serve(request, principal, wanted_of_job(job_id), serve)

    def _following(self, connection: Connection, topic: Topic) -> Following:
        return Following(connection, topic, self.feeds, self.replays, self.stats)

    async def _serve(
        self, request: web.Request, principal: Principal, wanted: Wanted, serve: Serve
    ) -> web.StreamResponse:
        stream = ClientStream(request, self.settings, wanted, self.stats)
        try:
            if self.connections.is_draining:
                raise ShuttingDown
            with self.connections.admitted(principal.subject):
                return await serve(stream)
        except TooManyStreams:
            return await self._unavailable(stream, request, StreamLimitReached())
        except SourceUnavailable as error:
            log.info("stream_source_unavailable", error=str(error))
            return await self._unavailable(stream, request, BusUnavailable())
        except Unavailable as error:
            return await self._unavailable(stream, request, error)
        except ConnectionError:
            return stream.response

    async def _unavailable(
        self, stream: ClientStream, request: web.Request, error: Unavailable | StreamLimitReached
    ) -> web.StreamResponse:
        """Tell the client to try again. EventSource would take an error status as final."""
        if not stream.response.prepared and not names_events(request):
            raise error
        retry_ms = spread_ms(max(self.settings.retry_ms, error.retry_after_seconds * 1000))
        return await stream.fail(control.unavailable(error.code, str(error), retry_ms))


def names_events(request: web.Request) -> bool:
    """Whether the client asks for `text/event-stream` by name, as EventSource does."""
    return CONTENT_TYPE in _accept(request)


def accepts_events(request: web.Request) -> bool:
    """Whether the client takes `text/event-stream`: by name, or because it names nothing better."""
    accept = _accept(request)
    return names_events(request) or (
        "application/json" not in accept and ("*/*" in accept or "text/*" in accept)
    )


def _accept(request: web.Request) -> str:
    return ",".join(request.headers.getall("Accept", ["*/*"])).lower()


LIVE: Final = web.AppKey("wayside_live", Live)
