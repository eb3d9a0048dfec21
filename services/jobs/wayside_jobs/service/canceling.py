"""Cancel: recorded first, then pushed to the runner."""

from collections.abc import Mapping
from dataclasses import dataclass

from wayside_events.contracts.jobs import CancelBody
from wayside_events.jobs import JobStatus
from wayside_jobs.domain.documents import job_document
from wayside_jobs.domain.errors import CancelNotSupported, JobNotFound
from wayside_jobs.domain.job import Change, Job
from wayside_jobs.domain.values import plain_text
from wayside_jobs.domain.verbs import request_cancel
from wayside_jobs.service.kinship import Types, kin_by_type, types_of
from wayside_jobs.service.repeating import Caller, Done, Once
from wayside_jobs.store import Family, Locked, Unit
from wayside_jobs.store.keys import Answer

_OK = 200


@dataclass(frozen=True, slots=True)
class Canceling:
    """Asks locked jobs to end, for one caller."""

    requested_by: str
    wanted: CancelBody
    locked: Locked
    types: Types

    @classmethod
    async def of(cls, unit: Unit, requested_by: str, wanted: CancelBody, locked: Locked) -> "Canceling":
        """Read what the types of the jobs say."""
        return cls(requested_by, wanted, locked, await types_of(unit, locked.jobs.values()))

    def change(self, job: Job) -> Change:
        """Return what becomes of a job; raises `WrongState` or `CancelNotSupported`."""
        change = request_cancel(
            job,
            requested_by=self.requested_by,
            reason=self.wanted.reason,
            cascade=self.wanted.cascade,
            now=self.locked.now,
        )
        if job.status is JobStatus.RUNNING and not self._is_cancelable(job.type):
            raise CancelNotSupported(job.type, job.status, revision=job.revision)
        return change

    def _is_cancelable(self, job_type: str) -> bool:
        spec = self.types.get(job_type)
        return spec is None or spec.capabilities.cancel


class Canceler:
    """Ends jobs on request."""

    def __init__(self, once: Once) -> None:
        self._once = once

    async def cancel(self, caller: Caller, job_id: str, wanted: CancelBody) -> Answer:
        """Cancel a waiting job at once, ask a running one to end, and then its children; answers the job as JSON.

        Raises `JobNotFound`, `WrongState` when it has ended, `CancelNotSupported`, `InvalidValue` or
        `IdempotencyConflict`.
        """
        plain_text(wanted.reason, "/reason")
        plain_text(caller.subject, "/requested_by")

        async def act(unit: Unit) -> Done:
            locked = await unit.lock([job_id])
            job = _in_scope(locked.jobs, caller.scope, job_id)
            canceling = await Canceling.of(unit, caller.subject, wanted, locked)
            change = canceling.change(job)
            await unit.write(locked.jobs, [change])
            if change.fact is None and wanted.cascade:
                await Family(unit).cascade_again(job_id)
            now_as_it_is, job_input = (await unit.read([job_id]))[job_id]
            document = job_document(now_as_it_is, job_input, kin_by_type(job, canceling.types))
            return Done(Answer(_OK, document), [change])

        return await self._once.run(caller.asks("cancel", job_id, wanted), act)


def _in_scope(jobs: Mapping[str, Job], scope: str, job_id: str) -> Job:
    job = jobs.get(job_id)
    if job is None or job.scope != scope:
        raise JobNotFound(job_id)
    return job
