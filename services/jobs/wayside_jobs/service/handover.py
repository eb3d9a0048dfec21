"""Between this service and runners that may be gone: what is handed to them, and taken back."""

import asyncio
from collections.abc import Callable, Collection, Sequence

import orjson
import structlog

from wayside_events.contracts.jobs import Assignment, ClaimRequest, ReleaseReport, ReportRequest
from wayside_events.jobs import JobStatus
from wayside_jobs.domain.verbs import release
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.claiming import ClaimDesk
from wayside_jobs.service.reporting import Reporter
from wayside_jobs.store import Claims, Store

log = structlog.get_logger("wayside_jobs.handover")

_LOOK_SECONDS = 0.2


class Handover:
    """Hands out work, and takes it back when nobody is there to receive it: a claim can be parked for long."""

    def __init__(self, store: Store, announcer: Announcer, desk: ClaimDesk, reporter: Reporter) -> None:
        self._store = store
        self._announcer = announcer
        self._desk = desk
        self._reporter = reporter

    async def claim(self, request: ClaimRequest, is_gone: Callable[[], bool]) -> list[bytes]:
        """Claim for a runner who can be seen to leave (`is_gone`); none is answered to one who has left.

        The claims of its name that wait at this instance are answered, empty, when it leaves.
        """
        claiming = asyncio.create_task(self._desk.claim(request), name="claim")
        try:
            while not claiming.done():
                await asyncio.wait([claiming], timeout=_LOOK_SECONDS)
                if not claiming.done() and is_gone():
                    self._desk.withdraw(request.runner)
            if is_gone():
                await self.take_back(await claiming)
                return []
            return await claiming
        except asyncio.CancelledError:
            self._desk.withdraw(request.runner)
            await self.take_back(await claiming)
            raise

    async def take_unheard(self, runner: str, held: Collection[tuple[str, int]]) -> None:
        """Release what a runner was given that it neither has nor has ever reported on; no attempt is burnt."""
        async with self._store.transaction() as unit:
            unheard = [key for key in await Claims(unit).unheard(runner) if key not in held]
            if not unheard:
                return
            locked = await unit.lock([job_id for job_id, _ in unheard])
            changes = [
                release(job, seq=job.seq, now=locked.now)
                for job in locked.jobs.values()
                if job.status is JobStatus.RUNNING
                and job.runner == runner
                and job.seq == 0
                and (job.id, job.attempt) in unheard
            ]
            await unit.write(locked.jobs, changes)
        self._announcer.committed(changes)
        log.info("unheard_jobs_released", runner=runner, count=len(changes))

    async def take_back(self, assignments: Sequence[bytes]) -> None:
        """Release what was assigned to a runner that did not hear of it; no attempt is burnt."""
        given = [Assignment.model_validate_json(assignment) for assignment in assignments]
        reports = [
            ReleaseReport(job_id=item.job.id, attempt=item.attempt, token=item.token, seq=1) for item in given
        ]
        if reports:
            bodies = tuple(report.model_dump(mode="json") for report in reports)
            await self._reporter.report(ReportRequest(runner="nobody", reports=bodies))


def assignments_in(reply: bytes) -> list[bytes]:
    """Return the assignments of an encoded `contracts.jobs.ClaimReply`."""
    return [orjson.dumps(item) for item in orjson.loads(reply)["assignments"]]
