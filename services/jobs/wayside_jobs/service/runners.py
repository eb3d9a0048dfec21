"""Runners: what they say of themselves, and what others see of them."""

from collections.abc import Sequence
from typing import Final

from wayside_events.contracts.jobs import (
    BeatBody,
    BeatReply,
    RegisterReply,
    RegisterRequest,
    Worker,
    WorkerPage,
    WorkerStatus,
)
from wayside_jobs.domain.reserved import check_registration
from wayside_jobs.domain.values import plain_text
from wayside_jobs.service.registry import JobTypes
from wayside_jobs.store.runners import RunnerFilter, Runners

BEAT_SECONDS = 10.0
LOST_AFTER_SECONDS = 3 * BEAT_SECONDS
"""A runner that missed two beats may have been slow; one that missed three is shown as lost."""

SHOWN_JOBS = 20

_OF_THE_OPERATOR: Final = ("version", "hostname", "pid", "busy", "abandoned")


class Workers:
    """The registry of runners. It decides nothing: who keeps or loses a job is a matter of leases alone."""

    def __init__(self, runners: Runners, types: JobTypes) -> None:
        self._runners = runners
        self._types = types

    async def register(self, request: RegisterRequest) -> RegisterReply:
        """Write what a runner says about itself and what it serves; raises `ReservedName`, `InvalidJob` or `InvalidValue`."""
        check_registration(request)
        plain_text(request.version, "/version")
        plain_text(request.hostname, "/hostname")
        await self._types.register_all(request.job_types)
        await self._types.make_known(request.tracked_types)
        return RegisterReply(server_time=await self._runners.register(request), beat_seconds=BEAT_SECONDS)

    async def beat(self, runner: str, body: BeatBody) -> BeatReply:
        """Note that a runner lives, or has stopped. It stays stopped until it registers again."""
        return BeatReply(known=await self._runners.beat(runner, body))

    async def page(
        self, wanted: RunnerFilter, *, scopes: Sequence[str] | None, after: str, limit: int
    ) -> WorkerPage:
        """Return runners by name, each with its jobs in `scopes`, or in all when that is `None`.

        What tells of the machines, and of jobs in other scopes, is for who sees all.
        """
        found = await self._runners.page(
            wanted, lost_after_seconds=LOST_AFTER_SECONDS, after=after, limit=limit + 1
        )
        shown = found[:limit]
        jobs = await self._runners.assignments([item.name for item in shown], scopes, limit=SHOWN_JOBS)
        hidden = {} if scopes is None else dict.fromkeys(_OF_THE_OPERATOR)
        return WorkerPage(
            items=tuple(
                _with_jobs(item.model_copy(update=hidden), *jobs.get(item.name, (0, ()))) for item in shown
            ),
            next_page=shown[-1].name if len(found) > limit else None,
        )


def _with_jobs(worker: Worker, running: int, job_ids: tuple[str, ...]) -> Worker:
    return worker.model_copy(update={"running": running, "job_ids": job_ids})


def wanted_runners(
    statuses: Sequence[WorkerStatus], *, queue: str | None = None, job_type: str | None = None
) -> RunnerFilter:
    """Return the filter of a list; without statuses all are wanted."""
    return RunnerFilter(statuses=tuple(statuses) or tuple(WorkerStatus), queue=queue, job_type=job_type)
