"""Retries: an ended job stays as it is, and a new one like it begins."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from wayside_events.identifiers import EntityId, new_id
from wayside_events.jobs import JobMode
from wayside_jobs.domain.creation import Origin, retry
from wayside_jobs.domain.documents import job_document
from wayside_jobs.domain.errors import JobNotFound, JobsError, RetryNotSupported, SimultaneousChange
from wayside_jobs.domain.family import FamilyLimits, Parent, check_child
from wayside_jobs.domain.job import Change, Job
from wayside_jobs.domain.values import plain_text
from wayside_jobs.service.kinship import Types, kin_by_type, types_of
from wayside_jobs.service.repeating import Caller, Done, Once
from wayside_jobs.store import Family, Locked, UniqueName, Uniques, Unit
from wayside_jobs.store.keys import Answer
from wayside_jobs.store.retries import Retries

_CREATED = 201
_OK = 200


@dataclass(frozen=True, slots=True)
class Retried:
    """The job that retries another; `is_new` is false when there was one already."""

    job_id: str
    is_new: bool


class Retrying:
    """Retries jobs in one transaction; `changes` are what is to be announced after the commit, `types` those of the jobs.

    With `only_last` a job that was retried before is left to its retry, even when that has ended.
    """

    def __init__(self, unit: Unit, limits: FamilyLimits, origin: Origin, *, only_last: bool = False) -> None:
        self._only_last = only_last
        self._unit = unit
        self._limits = limits
        self._origin = origin
        self.changes: list[Change] = []
        self.types: Types = {}

    async def lock(self, job_ids: Sequence[str]) -> Locked:
        """Lock jobs together with their parents, in one order."""
        jobs = await self._unit.read(job_ids, whole=False)
        parents = {job.parent_id for job, _ in jobs.values() if job.parent_id}
        return await self._unit.lock([*jobs, *(parents - jobs.keys())])

    async def run(self, jobs: Sequence[Job], locked: Locked) -> dict[str, Retried | JobsError]:
        """Return what became of each of some locked jobs."""
        outcomes: dict[str, Retried | JobsError] = {}
        self.types = await types_of(self._unit, jobs)
        earlier = await Retries(self._unit).of([job.id for job in jobs])
        siblings = Counter[EntityId]({job.id: job.child_count for job in locked.jobs.values()})
        changes = []
        for job in jobs:
            retried = earlier.get(job.id)
            if retried is not None and (retried.is_active or self._only_last):
                outcomes[job.id] = Retried(retried.id, is_new=False)
                continue
            try:
                _check_supported(job, self.types)
                placed = self._placed(job, locked.jobs, siblings)
                changes.append(retry(job, new_id(), placed, locked.now))
            except JobsError as error:
                outcomes[job.id] = error
        return outcomes | await self._insert(changes)

    def _placed(self, job: Job, jobs: Mapping[str, Job], siblings: Counter[EntityId]) -> Origin:
        """Return the origin with the place in the tree; outside of it when the parent has ended."""
        parent_job = jobs.get(job.parent_id) if job.parent_id else None
        if parent_job is None or (parent := Parent.of(parent_job)).has_ended:
            return self._origin
        check_child(parent, self._limits, siblings=siblings[parent.id])
        siblings[parent.id] += 1
        return replace(self._origin, root_id=parent.root_id, depth=parent.depth + 1)

    async def _insert(self, changes: Sequence[Change]) -> dict[str, Retried | JobsError]:
        inserted = await Retries(self._unit).insert(changes) if changes else set()
        outcomes: dict[str, Retried | JobsError] = {}
        for change in changes:
            job = change.job
            assert job.retry_of is not None
            if job.id in inserted:
                self.changes.append(change)
                outcomes[job.retry_of] = Retried(job.id, is_new=True)
            else:
                outcomes[job.retry_of] = Retried(await self._existing(job), is_new=False)
        children = Counter[str](parent for change in self.changes if (parent := change.job.parent_id))
        await Family(self._unit).add_children(children)
        return outcomes

    async def _existing(self, job: Job) -> str:
        name = UniqueName(job.scope, job.type, job.unique_key or "")
        found = await Uniques(self._unit).active([name])
        if not found:
            raise SimultaneousChange("The job with this unique key ended at this moment.")
        return found[name]


class Retrier:
    """Retries one job."""

    def __init__(self, once: Once, limits: FamilyLimits) -> None:
        self._once = once
        self._limits = limits

    async def retry(self, caller: Caller, job_id: str, *, traceparent: str | None) -> Answer:
        """Create a job like one that has ended; answers 201 and the new job, or 200 and the retry that is active.

        Raises `JobNotFound`, `WrongState` when it has not ended, `RetryNotSupported`, `InvalidJob` when its parent has
        too many children, or `IdempotencyConflict`.
        """
        plain_text(caller.subject, "/requested_by")

        async def act(unit: Unit) -> Done:
            origin = Origin(created_by=caller.subject, traceparent=traceparent)
            retrying = Retrying(unit, self._limits, origin)
            locked = await retrying.lock([job_id])
            job = locked.jobs.get(job_id)
            if job is None or job.scope != caller.scope:
                raise JobNotFound(job_id)
            outcome = (await retrying.run([job], locked))[job_id]
            if isinstance(outcome, JobsError):
                raise outcome
            new, job_input = (await unit.read([outcome.job_id]))[outcome.job_id]
            document = job_document(new, job_input, kin_by_type(new, retrying.types))
            return Done(Answer(_CREATED if outcome.is_new else _OK, document), retrying.changes)

        return await self._once.run(caller.asks("retry", job_id), act)


def _check_supported(job: Job, types: Types) -> None:
    spec = types.get(job.type)
    if job.mode is JobMode.TRACKED:
        reason = "The job ran in the process that created it; only that process can run it again."
    elif spec is not None and not spec.capabilities.retry:
        reason = f"Jobs of type {job.type} cannot be retried."
    else:
        return
    raise RetryNotSupported(reason, job.status, revision=job.revision)
