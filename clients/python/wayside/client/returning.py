"""Coming back to jobs: those of a session, those under way, those that ended meanwhile, children; and their logs."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack
from urllib.parse import quote

from wayside.client.pages import Listing, Page, parsed
from wayside.client.transport import Answer, Call, Transport, reading
from wayside_events.contracts.jobs import (
    ActivePage,
    Job,
    JobLogPage,
    RecentPage,
    SeenBody,
    SeenReply,
    SessionPage,
)
from wayside_events.identifiers import parse_scope
from wayside_events.jobs import JobStatus, LogEntry, LogLevel


class ChildFilter(TypedDict, total=False):
    """Which children of a job to list; what is left out matches all. `limit` is the size of a page."""

    status: JobStatus | str | Sequence[JobStatus | str]
    type: str
    limit: int


class SessionFilter(ChildFilter, total=False):
    """Which jobs of a session to list; what is left out matches all. `limit` is the size of a page."""

    scope: str


class ActiveFilter(TypedDict, total=False):
    """Whose jobs to list: the caller's own, with `mine=False` everybody's. `limit` is the size of a page."""

    scope: str
    mine: bool
    created_by: str
    limit: int


class RecentFilter(TypedDict, total=False):
    """Whose jobs to list, by default the caller's own, and after which moment they ended.

    `since` is by default what the caller has seen, else 24 hours ago. `limit` is the size of a page.
    """

    scope: str
    created_by: str
    since: datetime
    limit: int


@dataclass(frozen=True, slots=True)
class SessionJobs(Page[Job]):
    """Part of a session's jobs. The first page has the `job` to show: the newest that is active, else the newest."""

    job: Job | None


@dataclass(frozen=True, slots=True)
class ActiveJobs(Page[Job]):
    """Part of the jobs that wait or run, and how many there are in all; 1,000 means that many or more."""

    queued: int
    running: int


@dataclass(frozen=True, slots=True)
class RecentJobs(Page[Job]):
    """Part of the jobs that ended after `since`. `unseen` of the caller's own ended after `seen_at`; 1,000 means more.

    Once they were shown, give `upto` to `Client.jobs.seen`: up to there none can be missing.
    """

    since: datetime
    upto: datetime
    seen_at: datetime | None
    unseen: int


@dataclass(frozen=True, slots=True)
class LogPage(Page[LogEntry]):
    """Part of a log, oldest first. `dropped` counts the entries that the log's limit pushed out."""

    dropped: int


class Returning:
    """What `Client.jobs` has for who comes back."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def by_session(self, session_id: str, **wanted: Unpack[SessionFilter]) -> AsyncGenerator[Job, None]:
        """Yield the jobs of a session, newest first, reading page after page."""
        return Listing(self._transport, _session_path(session_id), Job).items(wanted)

    async def session_page(
        self, session_id: str, *, page: str | None = None, **wanted: Unpack[SessionFilter]
    ) -> SessionJobs:
        """Read one page of a session's jobs; its `job` is the one to show to who opens the session again."""
        answer = await self._read(_session_path(session_id), wanted, page)
        body = parsed(answer, SessionPage)
        return SessionJobs(body.items, body.next_page, answer.cursor, body.job)

    def running(self, **wanted: Unpack[ActiveFilter]) -> AsyncGenerator[Job, None]:
        """Yield the jobs that wait or run, newest first, reading page after page."""
        return Listing(self._transport, "/v1/jobs/running", Job).items(wanted)

    async def running_page(self, *, page: str | None = None, **wanted: Unpack[ActiveFilter]) -> ActiveJobs:
        """Read one page of the jobs that wait or run, and how many there are."""
        answer = await self._read("/v1/jobs/running", wanted, page)
        body = parsed(answer, ActivePage)
        counts = body.counts
        return ActiveJobs(body.items, body.next_page, answer.cursor, counts.queued, counts.running)

    def recent_completions(self, **wanted: Unpack[RecentFilter]) -> AsyncGenerator[Job, None]:
        """Yield jobs that ended, in whatever way, the last first, reading page after page."""
        return Listing(self._transport, "/v1/jobs/recent-completions", Job).items(wanted)

    async def recent_page(self, *, page: str | None = None, **wanted: Unpack[RecentFilter]) -> RecentJobs:
        """Read one page of the jobs that ended, and how many of them the caller has not seen; see `seen`."""
        answer = await self._read("/v1/jobs/recent-completions", wanted, page)
        body = parsed(answer, RecentPage)
        return RecentJobs(
            body.items, body.next_page, answer.cursor, body.since, body.upto, body.seen_at, body.unseen
        )

    async def seen(self, *, scope: str, upto: datetime | None = None) -> SeenReply:
        """Say that the caller has seen how jobs ended, up to a moment: the `upto` of the page that was shown."""
        body = SeenBody(scope=parse_scope(scope), upto=upto)
        call = Call("POST", "/v1/jobs/seen", body=body, may_be_repeated=True)
        return parsed(await self._transport.send(call), SeenReply)

    def children(self, job_id: str, **wanted: Unpack[ChildFilter]) -> AsyncGenerator[Job, None]:
        """Yield the children of a job, newest first, reading page after page."""
        return Listing(self._transport, job_path(job_id, "/children"), Job).items(wanted)

    async def children_page(
        self, job_id: str, *, page: str | None = None, **wanted: Unpack[ChildFilter]
    ) -> Page[Job]:
        """Read one page of the children of a job."""
        return await Listing(self._transport, job_path(job_id, "/children"), Job).page(
            {**wanted, "page": page}
        )

    def logs(self, job_id: str, *, level: LogLevel | str | None = None) -> AsyncGenerator[LogEntry, None]:
        """Yield a job's log, oldest first; with a `level`, what is at least so severe.

        A log has a limit, which pushes the oldest entries out: the job's `log_dropped` says how many.
        """
        return Listing(self._transport, job_path(job_id, "/logs"), LogEntry).items({"level": level})

    async def log_page(
        self,
        job_id: str,
        *,
        page: str | None = None,
        level: LogLevel | str | None = None,
        limit: int | None = None,
    ) -> LogPage:
        """Read one page of a job's log. `page` may be the `seq` of the last entry you have, to go on after it."""
        query = {"level": level, "limit": limit}
        answer = await self._read(job_path(job_id, "/logs"), query, page)
        body = parsed(answer, JobLogPage)
        return LogPage(body.items, body.next_page, answer.cursor, body.dropped)

    async def _read(self, path: str, query: Mapping[str, Any], page: str | None) -> Answer:
        return await self._transport.send(reading(path, {**query, "page": page}))


def job_path(job_id: str, rest: str = "") -> str:
    """Return the path of a job, or of something of it."""
    return f"/v1/jobs/{quote(job_id, safe='')}{rest}"


def _session_path(session_id: str) -> str:
    return f"/v1/jobs/by-session/{quote(session_id, safe='')}"
