"""Cancel: recorded first, then pushed to the runner."""

from wayside_events.contracts.jobs import JobTypeSpec
from wayside_events.jobs import JobStatus
from wayside_jobs.domain.documents import job_document
from wayside_jobs.domain.errors import CancelNotSupported, JobNotFound
from wayside_jobs.domain.job import Job
from wayside_jobs.domain.values import plain_text
from wayside_jobs.domain.verbs import request_cancel
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.store import Store, Unit


class Canceler:
    """Ends jobs on request."""

    def __init__(self, store: Store, announcer: Announcer) -> None:
        self._store = store
        self._announcer = announcer

    async def cancel(self, scope: str, job_id: str, *, requested_by: str, reason: str | None) -> bytes:
        """Cancel a waiting job at once, ask a running one to end; returns the job as JSON.

        Raises `JobNotFound`, `WrongState` when it has ended, `CancelNotSupported`, `InvalidValue`.
        """
        plain_text(reason, "/reason")
        plain_text(requested_by, "/requested_by")
        async with self._store.transaction() as unit:
            locked = await unit.lock([job_id])
            job = locked.jobs.get(job_id)
            if job is None or job.scope != scope:
                raise JobNotFound(job_id)
            change = request_cancel(job, requested_by=requested_by, reason=reason, now=locked.now)
            await _check_supported(unit, job)
            await unit.write(locked.jobs, [change])
            now_as_it_is, job_input = (await unit.read([job_id]))[job_id]
        self._announcer.committed([change])
        return job_document(now_as_it_is, job_input)


async def _check_supported(unit: Unit, job: Job) -> None:
    if job.status is not JobStatus.RUNNING:
        return
    spec = (await unit.job_types([job.type])).get(job.type)
    if spec is not None and not JobTypeSpec.model_validate_json(spec).capabilities.cancel:
        raise CancelNotSupported(f"Jobs of type {job.type} cannot be canceled once they run.")
