"""What a job's document says of other things: its children, its retry, and the page of what it is about."""

from collections.abc import Iterable, Mapping, Sequence

from wayside_events.contracts.jobs import JobTypeSpec
from wayside_events.jobs import Children, JobStatus
from wayside_jobs.domain.documents import ALONE, Kin, job_document
from wayside_jobs.domain.errors import UnknownJobType
from wayside_jobs.domain.job import Job
from wayside_jobs.domain.links import resource_link
from wayside_jobs.domain.progress import children_of
from wayside_jobs.domain.states import TERMINAL
from wayside_jobs.domain.values import Json
from wayside_jobs.service.registry import JobTypes
from wayside_jobs.store import Unit
from wayside_jobs.store.groups import Groups

COUNTED_LIMIT = 2_000
"""Children counted anew for each reader; more take a running parent's reader too long."""


Types = Mapping[str, JobTypeSpec]
"""Registry entries by name, of those types that have one."""


async def types_of(unit: Unit, jobs: Iterable[Job]) -> Types:
    """Read the types of jobs in a transaction."""
    names = sorted({job.type for job in jobs})
    specs = await unit.job_types(names) if names else {}
    return {name: JobTypeSpec.model_validate_json(spec) for name, spec in specs.items()}


def kin_by_type(job: Job, types: Types) -> Kin:
    """Return what a job's document says of its type alone, for answers that look up nothing else."""
    spec = types.get(job.type)
    return Kin(resource=resource_link(spec.resource_link, job)) if spec is not None else ALONE


class Kinship:
    """Looks up what is not in a job's row."""

    def __init__(self, groups: Groups, types: JobTypes) -> None:
        self._groups = groups
        self._types = types

    async def document(self, job: Job, job_input: Json | None) -> bytes:
        """Write `contracts.jobs.Job`, with its children counted."""
        kin = (await self.of([job]))[job.id]
        if job.child_count:
            kin = kin._replace(children=await self._children(job))
        return job_document(job, job_input, kin)

    async def _children(self, job: Job) -> Children | None:
        """Count them, or take a large family from the last rollup, which is no older than a moment."""
        rolled_up = children_of(job.progress) if job.child_count > COUNTED_LIMIT else None
        if rolled_up is not None and job.status is JobStatus.RUNNING:
            return rolled_up
        return (await self._groups.children([job.id])).get(job.id)

    async def of(self, jobs: Sequence[Job]) -> Mapping[str, Kin]:
        """Return the kin of jobs by id, without their children: to count those of a whole page would take too long."""
        retries = await self._groups.retries([job.id for job in jobs if job.status in TERMINAL])
        templates = {job_type: await self._template(job_type) for job_type in {job.type for job in jobs}}
        return {
            job.id: Kin(retried_by=retries.get(job.id), resource=resource_link(templates[job.type], job))
            for job in jobs
        }

    async def _template(self, job_type: str) -> str | None:
        try:
            return (await self._types.get(job_type)).spec.resource_link
        except UnknownJobType:
            return None
