"""Jobs over HTTP: create, read, cancel, retry, wait; what `Returning` has comes with them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import TypedDict, TypeVar, Unpack
from uuid import uuid4

from pydantic import BaseModel, JsonValue

from wayside.client.pages import Listing, Page, parsed
from wayside.client.returning import Returning, job_path
from wayside.client.streams import Events, Snapshot
from wayside.client.transport import Call, Transport, reading
from wayside.errors import Conflict
from wayside.options import SpawnOptions
from wayside_events.contracts.jobs import (
    BatchBody,
    BatchItem,
    BulkAction,
    BulkBody,
    BulkReply,
    CancelBody,
    CreateManyReply,
    CreateOutcome,
    Job,
    JobCreate,
)
from wayside_events.identifiers import EntityId, parse_scope
from wayside_events.jobs import JobCanceled, JobCompleted, JobFailed, JobStatus

R = TypeVar("R", bound=BaseModel)

_PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0)
"""Before a batch is sent again of which some jobs could not be created for the moment."""

TERMINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED})


class JobOptions(SpawnOptions, total=False):
    """What may be said of a job beside its type, scope and input; see `JobCreate`."""

    parent_id: EntityId


class JobSelection(TypedDict, total=False):
    """What tells jobs of a scope apart; all that is given holds together."""

    status: JobStatus | str | Sequence[JobStatus | str]
    type: str
    session_id: str
    parent_id: str
    root_id: str
    related_type: str
    related_id: str
    created_by: str
    created_after: datetime
    created_before: datetime


class JobFilter(JobSelection, total=False):
    """Which jobs to list; what is left out matches all. `limit` is the size of a page.

    `q` finds jobs of which it is the id, session, related id, unique key or creator, or part of the type's name.
    """

    scope: str
    q: str
    limit: int


class BulkOptions(JobSelection, total=False):
    """Which jobs a bulk action is about; all that is given holds together, and `all` says that nothing is left out.

    `reason` and `cascade` are for cancels, as of one job.
    """

    all: bool
    reason: str | None
    cascade: bool


class Jobs(Returning):
    """Jobs of the caller's scopes; `Client.jobs`."""

    def __init__(self, transport: Transport, events: Events) -> None:
        super().__init__(transport)
        self._events = events
        self._listing = Listing(transport, "/v1/jobs", Job)

    async def create(
        self,
        job_type: str,
        *,
        scope: str,
        input: JsonValue = None,  # noqa: A002 - the name it has everywhere
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Job:
        """Create a job, once, even when the request has to be sent again.

        With an `idempotency_key` of your own that holds over your own retries too. Raises a `ProblemError`.
        """
        body = JobCreate(type=job_type, scope=parse_scope(scope), input=input, **options)
        return await self._post_once("/v1/jobs", Job, body=body, key=idempotency_key)

    async def create_many(
        self, jobs: Sequence[BatchItem], *, idempotency_key: str | None = None
    ) -> tuple[CreateOutcome, ...]:
        """Create at most 1,000 jobs, each once, even when the request has to be sent again.

        Returns an outcome for each, in their order: one that is refused has a `problem` and does not stop the others. While
        some cannot be created for the moment all are sent again, a few times; a `problem` of status 503 is left then.
        """
        body, key = BatchBody(jobs=tuple(jobs)), idempotency_key or str(uuid4())
        for pause in _PAUSES_SECONDS:
            outcomes = await self._create_batch(body, key)
            if not any(
                outcome.problem and outcome.problem.status == HTTPStatus.SERVICE_UNAVAILABLE
                for outcome in outcomes
            ):
                return outcomes
            await asyncio.sleep(pause)
        return await self._create_batch(body, key)

    async def get(self, job_id: str) -> Job:
        """Read a job; raises `NotFound`."""
        return parsed(await self._transport.send(reading(job_path(job_id))), Job)

    def list(self, **wanted: Unpack[JobFilter]) -> AsyncGenerator[Job, None]:
        """Yield jobs, newest first, without inputs and results, reading page after page."""
        return self._listing.items(wanted)

    async def page(self, *, page: str | None = None, **wanted: Unpack[JobFilter]) -> Page[Job]:
        """Read one page of jobs, with the cursor to stream on from."""
        return await self._listing.page({**wanted, "page": page})

    async def cancel(
        self,
        job_id: str,
        *,
        reason: str | None = None,
        cascade: bool = True,
        idempotency_key: str | None = None,
    ) -> Job:
        """Ask for a job to end: one that waits is canceled at once, one that runs when its runner has stopped it.

        With `cascade` its children are asked next, and theirs. Raises `Conflict` for a job that is over.
        """
        body = CancelBody(reason=reason, cascade=cascade)
        path = job_path(job_id, "/cancel")
        call = Call("POST", path, body=body, idempotency_key=idempotency_key, may_be_repeated=True)
        try:
            return parsed(await self._transport.send(call), Job)
        except Conflict as conflict:
            job = await self.get(job_id) if conflict.is_of_repeat else None
            if job is None or job.status is not JobStatus.CANCELED:
                raise
            return job

    async def retry(self, job_id: str, *, idempotency_key: str | None = None) -> Job:
        """Create a job like one that has ended, linked by `retry_of`, or return the retry that is active.

        Raises `Conflict` for a job that has not ended, or cannot be retried.
        """
        return await self._post_once(job_path(job_id, "/retry"), Job, key=idempotency_key)

    async def bulk(
        self,
        action: BulkAction | str,
        *,
        scope: str,
        job_ids: Sequence[str] | None = None,
        dry_run: bool = False,
        idempotency_key: str | None = None,
        **options: Unpack[BulkOptions],
    ) -> BulkReply:
        """Cancel or retry the named jobs, or those of a filter; with `dry_run` only count them and show some.

        Of up to 500 jobs each has its outcome in `items`; more are the work of `job`, which may be waited for or canceled.
        """
        body = BulkBody.model_validate(
            {
                "action": action,
                "scope": scope,
                "job_ids": job_ids,
                "dry_run": dry_run,
                **_bulk_options(options, is_filter=job_ids is None),
            }
        )
        return await self._post_once("/v1/jobs/bulk", BulkReply, body=body, key=idempotency_key)

    async def wait(self, job_id: str, *, timeout_seconds: float | None = None) -> Job:
        """Wait until a job is over, and return it; raises `TimeoutError`."""
        async with asyncio.timeout(timeout_seconds), self._events.job(job_id) as stream:
            async for item in stream:
                match item:
                    case Snapshot(job) if job.status in TERMINAL:
                        return job
                    case JobCompleted() | JobFailed() | JobCanceled():
                        break
        return await self.get(job_id)

    async def _create_batch(self, body: BatchBody, key: str) -> tuple[CreateOutcome, ...]:
        return (await self._post_once("/v1/jobs/batch", CreateManyReply, body=body, key=key)).outcomes

    async def _post_once(
        self, path: str, answer: type[R], *, body: BaseModel | None = None, key: str | None
    ) -> R:
        """Send a request that has its effect once, however often it has to be sent."""
        call = Call("POST", path, body=body, idempotency_key=key or str(uuid4()), may_be_repeated=True)
        return parsed(await self._transport.send(call), answer)


def _bulk_options(options: BulkOptions, *, is_filter: bool) -> dict[str, object]:
    """Tell the filter from what else is said of a bulk action."""
    said = {name: value for name, value in options.items() if name in ("reason", "cascade")}
    wanted = {name: value for name, value in options.items() if name not in said}
    status = options.get("status")
    if status is not None:
        wanted["status"] = (status,) if isinstance(status, str) else tuple(status)
    return {**said, "filter": wanted if wanted or is_filter else None}
