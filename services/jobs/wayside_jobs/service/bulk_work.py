"""What an order about many jobs does with some of them, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from wayside_events.contracts.jobs import BulkAction, BulkItem, BulkOrder, BulkOutcome, CancelBody
from wayside_events.identifiers import EntityId, ScopeName
from wayside_jobs.domain.bulk import USUAL
from wayside_jobs.domain.creation import Origin
from wayside_jobs.domain.errors import JobsError, WrongState
from wayside_jobs.domain.family import FamilyLimits
from wayside_jobs.domain.job import Change, Job
from wayside_jobs.service.canceling import Canceling
from wayside_jobs.service.retrying import Retried, Retrying
from wayside_jobs.service.statuses import problem_document
from wayside_jobs.store import Family, Locked, Unit


@dataclass(frozen=True, slots=True)
class Orderer:
    """Who ordered, in which scope."""

    scope: ScopeName
    subject: str
    traceparent: str | None = None


class BulkWork:
    """Does what was ordered with jobs; `changes` are what is to be announced after the commit."""

    def __init__(self, unit: Unit, order: BulkOrder, orderer: Orderer, limits: FamilyLimits) -> None:
        self._unit = unit
        self._order = order
        self._orderer = orderer
        self._limits = limits
        self.changes: list[Change] = []

    async def run(self, job_ids: Sequence[str]) -> list[BulkItem]:
        """Return the outcome of each job; one that is refused does not stop the others."""
        match self._order.action:
            case BulkAction.CANCEL:
                items = await self._cancel(job_ids)
            case BulkAction.RETRY:
                items = await self._retry(job_ids)
            case _:
                assert_never(self._order.action)
        missing = BulkOutcome.NOT_FOUND
        return [items.get(job_id) or BulkItem(job_id=EntityId(job_id), outcome=missing) for job_id in job_ids]

    async def _cancel(self, job_ids: Sequence[str]) -> dict[str, BulkItem]:
        locked = await self._unit.lock(job_ids)
        wanted = CancelBody(reason=self._order.reason, cascade=self._order.cascade)
        canceling = await Canceling.of(self._unit, self._orderer.subject, wanted, locked)
        items: dict[str, BulkItem] = {}
        for job in self._visible(locked, job_ids):
            if self._is_out_of_filter(job):
                items[job.id] = _item(job, BulkOutcome.SKIPPED)
                continue
            try:
                change = canceling.change(job)
            except JobsError as error:
                items[job.id] = _refused(job, error)
            else:
                items[job.id] = await self._canceled(job, change)
        await self._unit.write(locked.jobs, self.changes)
        return items

    async def _canceled(self, job: Job, change: Change) -> BulkItem:
        if change.fact is not None:
            self.changes.append(change)
            return _item(change.job, BulkOutcome.DONE)
        if self._order.cascade and job.child_count:
            await Family(self._unit).cascade_again(job.id)
        return _item(job, BulkOutcome.SKIPPED)

    async def _retry(self, job_ids: Sequence[str]) -> dict[str, BulkItem]:
        origin = Origin(created_by=self._orderer.subject, traceparent=self._orderer.traceparent)
        is_by_filter = self._order.filter is not None
        retrying = Retrying(self._unit, self._limits, origin, only_last=is_by_filter)
        locked = await retrying.lock(job_ids)
        jobs = self._visible(locked, job_ids)
        wanted = [job for job in jobs if not self._is_out_of_filter(job)]
        outcomes = await retrying.run(wanted, locked)
        self.changes += retrying.changes
        return {job.id: _retried(job, outcomes.get(job.id)) for job in jobs}

    def _visible(self, locked: Locked, job_ids: Sequence[str]) -> list[Job]:
        jobs = (locked.jobs.get(job_id) for job_id in job_ids)
        return [job for job in jobs if job is not None and job.scope == self._orderer.scope]

    def _is_out_of_filter(self, job: Job) -> bool:
        """Whether a job has left the filter since it was found; nothing else of what filters ask for ever changes."""
        wanted = self._order.filter
        return wanted is not None and job.status not in (wanted.status or USUAL[self._order.action])


def _retried(job: Job, outcome: Retried | JobsError | None) -> BulkItem:
    match outcome:
        case None:
            return _item(job, BulkOutcome.SKIPPED)
        case JobsError():
            return _refused(job, outcome)
        case Retried():
            done = BulkOutcome.DONE if outcome.is_new else BulkOutcome.SKIPPED
            return _item(job, done).model_copy(update={"retried_by": outcome.job_id})
        case _:
            assert_never(outcome)


def _refused(job: Job, error: JobsError) -> BulkItem:
    outcome = BulkOutcome.SKIPPED if isinstance(error, WrongState) else BulkOutcome.FAILED
    return _item(job, outcome).model_copy(update={"problem": problem_document(error)})


def _item(job: Job, outcome: BulkOutcome) -> BulkItem:
    return BulkItem(job_id=job.id, outcome=outcome, status=job.status)
