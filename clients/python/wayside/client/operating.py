"""What operators look at and set over HTTP: job types, queues and who runs jobs."""

from collections.abc import AsyncGenerator, Sequence
from typing import TypedDict, Unpack
from urllib.parse import quote

from pydantic import BaseModel

from wayside.client.pages import Listing, Page, parsed
from wayside.client.transport import Call, Transport, reading
from wayside_events.contracts.jobs import (
    JobTypeSpec,
    PauseBody,
    QueueFigures,
    QueueLimits,
    QueueSettings,
    Worker,
    WorkerStatus,
)


class JobTypes:
    """The registry of job types, which belong to all scopes; `Client.job_types`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._listing = Listing(transport, "/v1/job-types", JobTypeSpec)

    async def get(self, name: str) -> JobTypeSpec:
        """Read a job type as it was registered last; raises `NotFound`."""
        return parsed(await self._transport.send(reading(_type_path(name))), JobTypeSpec)

    def list(self, *, limit: int | None = None) -> AsyncGenerator[JobTypeSpec, None]:
        """Yield job types by name, reading page after page of `limit`."""
        return self._listing.items({"limit": limit})

    async def page(self, *, page: str | None = None, limit: int | None = None) -> Page[JobTypeSpec]:
        """Read one page of job types."""
        return await self._listing.page({"page": page, "limit": limit})

    async def put(self, spec: JobTypeSpec) -> JobTypeSpec:
        """Register a job type; the last registration counts, also a worker's. For admins of all scopes."""
        call = Call("PUT", _type_path(spec.name), body=spec, may_be_repeated=True)
        return parsed(await self._transport.send(call), JobTypeSpec)


class Queues:
    """Queues, how they do, and what holds for them; they belong to all scopes; `Client.queues`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._listing = Listing(transport, "/v1/queues", QueueFigures)

    async def get(self, name: str, *, scope: str | None = None) -> QueueFigures:
        """Read how a queue does: depth, age, pick-up and run times, throughput, failures; raises `NotFound`.

        The jobs counted are those of one scope, or else of all that the caller may see.
        """
        return parsed(await self._transport.send(reading(_queue_path(name), {"scope": scope})), QueueFigures)

    def list(
        self, *, scope: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[QueueFigures, None]:
        """Yield queues by name, reading page after page of `limit`; see `get`."""
        return self._listing.items({"scope": scope, "limit": limit})

    async def page(
        self, *, page: str | None = None, scope: str | None = None, limit: int | None = None
    ) -> Page[QueueFigures]:
        """Read one page of queues; see `get`."""
        return await self._listing.page({"page": page, "scope": scope, "limit": limit})

    async def pause(self, name: str, *, reason: str | None = None) -> QueueSettings:
        """Give out none of its jobs from now on; those that run go on. For operators of all scopes."""
        return await self._set("POST", _queue_path(name, "/pause"), PauseBody(reason=reason))

    async def resume(self, name: str) -> QueueSettings:
        """Give out its jobs again. For operators of all scopes."""
        return await self._set("POST", _queue_path(name, "/resume"))

    async def limit(
        self,
        name: str,
        *,
        concurrency_limit: int | None = None,
        concurrency_limit_per_scope: int | None = None,
    ) -> QueueSettings:
        """Set how many of its jobs may run at once, in place of the limits it had. For admins of all scopes."""
        limits = QueueLimits(
            concurrency_limit=concurrency_limit, concurrency_limit_per_scope=concurrency_limit_per_scope
        )
        return await self._set("PUT", _queue_path(name), limits)

    async def _set(self, method: str, path: str, body: BaseModel | None = None) -> QueueSettings:
        call = Call(method, path, body=body, may_be_repeated=True)
        return parsed(await self._transport.send(call), QueueSettings)


class WorkerFilter(TypedDict, total=False):
    """Which workers to list; what is left out matches all. `limit` is the size of a page."""

    status: WorkerStatus | str | Sequence[WorkerStatus | str]
    queue: str
    job_type: str
    limit: int


class Workers:
    """Who runs jobs: workers, and processes that track operations of their own; `Client.workers`."""

    def __init__(self, transport: Transport) -> None:
        self._listing = Listing(transport, "/v1/workers", Worker)

    def list(self, **wanted: Unpack[WorkerFilter]) -> AsyncGenerator[Worker, None]:
        """Yield workers by name, also those that stopped or fell silent within a day, reading page after page."""
        return self._listing.items(wanted)

    async def page(self, *, page: str | None = None, **wanted: Unpack[WorkerFilter]) -> Page[Worker]:
        """Read one page of workers."""
        return await self._listing.page({**wanted, "page": page})


def _type_path(name: str) -> str:
    return f"/v1/job-types/{quote(name, safe='')}"


def _queue_path(name: str, rest: str = "") -> str:
    return f"/v1/queues/{quote(name, safe='')}{rest}"
