"""What an order about many jobs does with some of them, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import structlog

from wayside_events.contracts.jobs import BulkAction, BulkItem, BulkOrder, BulkOutcome, CancelBody
from wayside_events.identifiers import EntityId, ScopeName
from wayside_jobs.domain.bulk import USUAL
from wayside_jobs.domain.creation import Origin
from wayside_jobs.domain.errors import Collision, JobsError, WrongState
from wayside_jobs.domain.family import FamilyLimits
from wayside_jobs.domain.job import Change, Job
from wayside_jobs.service.canceling import Canceling
from wayside_jobs.service.retrying import Retried, Retrying
from wayside_jobs.service.statuses import problem_document
from wayside_jobs.store import Family, Locked, Unit
from wayside_jobs.store.bulk import Bulk
from wayside_service.errors import Unavailable

Items = dict[str, BulkItem]

log = structlog.get_logger("wayside_jobs.bulk")


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
        """Return the outcome of each job; one that is refused, or at which this service fails, does not stop the others."""
        items = await self._together(job_ids)
        missing = BulkOutcome.NOT_FOUND
        return [items.get(job_id) or BulkItem(job_id=EntityId(job_id), outcome=missing) for job_id in job_ids]

    async def _together(self, job_ids: Sequence[str]) -> Items:
        """Work on jobs, and where that fails on each half of them, down to the one that is at fault."""
        try:
            async with Bulk(self._unit).part():
                items, changes = await self._act(job_ids)
        except (Unavailable, Collision):
            raise
        except Exception as error:  # noqa: BLE001 - one job must not fail the others, whatever is wrong with it
            if len(job_ids) == 1:
                return {job_ids[0]: _broken(job_ids[0], error)}
            log.info("bulk_split", size=len(job_ids), error=repr(error))
            middle = len(job_ids) // 2
            return await self._together(job_ids[:middle]) | await self._together(job_ids[middle:])
        self.changes += changes
        return items

    async def _act(self, job_ids: Sequence[str]) -> tuple[Items, list[Change]]:
        match self._order.action:
            case BulkAction.CANCEL:
                return await self._cancel(job_ids)
            case BulkAction.RETRY:
                return await self._retry(job_ids)
            case _:
                assert_never(self._order.action)

    async def _cancel(self, job_ids: Sequence[str]) -> tuple[Items, list[Change]]:
        locked = await self._unit.lock(job_ids)
        wanted = CancelBody(reason=self._order.reason, cascade=self._order.cascade)
        canceling = await Canceling.of(self._unit, self._orderer.subject, wanted, locked)
        items: Items = {}
        changes: list[Change] = []
        for job in self._visible(locked, job_ids):
            if self._is_out_of_filter(job):
                items[job.id] = _item(job, BulkOutcome.SKIPPED)
                continue
            try:
                change = canceling.change(job)
            except JobsError as error:
                items[job.id] = _refused(job, error)
                continue
            if change.fact is not None:
                changes.append(change)
            elif self._order.cascade and job.child_count:
                await Family(self._unit).cascade_again(job.id)
            items[job.id] = _item(change.job, BulkOutcome.DONE if change.fact else BulkOutcome.SKIPPED)
        await self._unit.write(locked.jobs, changes)
        return items, changes

    async def _retry(self, job_ids: Sequence[str]) -> tuple[Items, list[Change]]:
        origin = Origin(created_by=self._orderer.subject, traceparent=self._orderer.traceparent)
        is_by_filter = self._order.filter is not None
        retrying = Retrying(self._unit, self._limits, origin, only_last=is_by_filter)
        locked = await retrying.lock(job_ids)
        jobs = self._visible(locked, job_ids)
        wanted = [job for job in jobs if not self._is_out_of_filter(job)]
        outcomes = await retrying.run(wanted, locked)
        return {job.id: _retried(job, outcomes.get(job.id)) for job in jobs}, retrying.changes

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


def _broken(job_id: str, error: Exception) -> BulkItem:
    """Return the outcome of a job at which this service fails: the log says why."""
    log.error("bulk_item_failed", job_id=job_id, exc_info=error)
    return BulkItem(job_id=EntityId(job_id), outcome=BulkOutcome.FAILED, problem=problem_document(error))


def _item(job: Job, outcome: BulkOutcome) -> BulkItem:
    return BulkItem(job_id=job.id, outcome=outcome, status=job.status)
