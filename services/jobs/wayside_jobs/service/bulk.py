"""Cancels and retries of many jobs: a few at once, many by a job of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from wayside_events.contracts.jobs import (
    BULK_AT_ONCE_LIMIT,
    BULK_COUNT_LIMIT,
    BULK_TYPE,
    BulkBody,
    BulkCounts,
    BulkOrder,
    JobCreate,
)
from wayside_events.identifiers import ScopeName, new_id, parse_scope
from wayside_jobs.domain.bulk import BULK_SPEC, check_order, counted, wanted_by
from wayside_jobs.domain.creation import Origin, create
from wayside_jobs.domain.documents import Document, job_document, job_fields
from wayside_jobs.domain.family import FamilyLimits
from wayside_jobs.domain.values import Json
from wayside_jobs.domain.wanted import Wanted
from wayside_jobs.service.bulk_work import BulkWork, Orderer
from wayside_jobs.service.repeating import Caller, Done, Once
from wayside_jobs.store import Creations, NewJob, Unit
from wayside_jobs.store.bulk import Bulk
from wayside_jobs.store.keys import Answer

SAMPLE_LIMIT = 20
_OK = 200
_ACCEPTED = 202


@dataclass(frozen=True, slots=True)
class Found:
    """Which jobs an order is about: how many (or, with `more`, more than that), and the first or, if they are few, all."""

    matched: int
    more: bool
    job_ids: Sequence[str]
    wanted: Wanted | None


class BulkDesk:
    """Takes orders about many jobs."""

    def __init__(self, once: Once, limits: FamilyLimits) -> None:
        self._once = once
        self._limits = limits

    async def order(self, caller: Caller, body: BulkBody, *, traceparent: str | None) -> Answer:
        """Answer 200 and what became of each job, or 202 and the job that works on them (`contracts.jobs.BulkReply`).

        Raises `InvalidBulk`, `InvalidValue` or `IdempotencyConflict`.
        """
        check_order(body)
        orderer = Orderer(parse_scope(caller.scope), caller.subject, traceparent)

        async def act(unit: Unit) -> Done:
            found = await _find(unit, body, orderer.scope)
            if body.dry_run:
                return Done(await _counted_only(unit, body, found))
            if found.matched > BULK_AT_ONCE_LIMIT:
                return await _accepted(unit, body, found, orderer)
            return await self._done(unit, body, found, orderer)

        use = None if body.dry_run else caller.asks("bulk", body)
        return await self._once.run(use, act)

    async def _done(self, unit: Unit, body: BulkBody, found: Found, orderer: Orderer) -> Done:
        work = BulkWork(unit, body, orderer, self._limits)
        items = await work.run(found.job_ids)
        counts = counted(BulkCounts(matched=found.matched), items)
        reply = _fields(body, counts) | {"items": [item.model_dump(exclude_none=True) for item in items]}
        return Done(Answer(_OK, orjson.dumps(reply)), work.changes)


async def _find(unit: Unit, body: BulkBody, scope: ScopeName) -> Found:
    wanted = wanted_by(body, scope, await unit.now())
    if wanted is not None:
        counted_upto = BULK_COUNT_LIMIT + 1
        matched, job_ids = await Bulk(unit).match(wanted, limit=BULK_AT_ONCE_LIMIT, count_limit=counted_upto)
        return Found(min(matched, BULK_COUNT_LIMIT), matched == counted_upto, job_ids, wanted)
    named = list(dict.fromkeys(body.job_ids or ()))
    return Found(len(named), False, named, None)


async def _counted_only(unit: Unit, body: BulkBody, found: Found) -> Answer:
    # Of named jobs those of other scopes are left out; those of a filter are all of this one.
    jobs = await unit.read(found.job_ids[:SAMPLE_LIMIT] if found.wanted else found.job_ids, whole=False)
    seen = [job for job, _ in jobs.values() if job.scope == body.scope]
    matched = found.matched if found.wanted else len(seen)
    sample: list[Document] = [job_fields(job, None) for job in seen[:SAMPLE_LIMIT]]
    counts = BulkCounts(matched=matched)
    reply = _fields(body, counts) | {"more": found.more, "dry_run": True, "sample": sample}
    return Answer(_OK, orjson.dumps(reply))


async def _accepted(unit: Unit, body: BulkBody, found: Found, orderer: Orderer) -> Done:
    """Create the job that works on them, in the same transaction as the key that makes a repeat harmless."""
    order = BulkOrder.model_validate(body.model_dump(exclude={"scope", "dry_run"}))
    wanted = JobCreate(type=BULK_TYPE, scope=orderer.scope)
    origin = Origin(created_by=orderer.subject, traceparent=orderer.traceparent)
    change = create(new_id(), wanted, BULK_SPEC, origin, await unit.now())
    job_input = Json(order.model_dump_json(exclude_none=True))
    await Creations(unit).insert([NewJob([change], job_input)])
    reply = _fields(body, BulkCounts(matched=found.matched)) | {
        "more": found.more,
        "job": orjson.Fragment(job_document(change.job, job_input)),
    }
    return Done(Answer(_ACCEPTED, orjson.dumps(reply)), [change])


def _fields(body: BulkBody, counts: BulkCounts) -> Document:
    return {"action": body.action, **counts.model_dump()}
