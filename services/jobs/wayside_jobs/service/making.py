"""One transaction that creates jobs: repeats are found, new ones inserted, answers kept."""

import asyncio
from collections import Counter as Count
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobMode, JobStatus
from wayside_jobs.domain.claims import Claimed
from wayside_jobs.domain.creation import Origin, hand_over
from wayside_jobs.domain.documents import assignment_fields
from wayside_jobs.domain.errors import IdempotencyConflict, JobsError, SimultaneousChange, UnknownParent
from wayside_jobs.domain.family import FamilyLimits, Parent, check_child
from wayside_jobs.domain.job import Change
from wayside_jobs.domain.values import Json
from wayside_jobs.domain.verbs import reissued
from wayside_jobs.service.claiming import ClaimDesk, Promise
from wayside_jobs.service.creations import (
    Created,
    Creation,
    New,
    answer_to,
    as_told,
    begun,
    by_unique_key,
    existing,
    kin_of,
    without_echoes,
    without_rivals,
)
from wayside_jobs.service.tokens import new_token
from wayside_jobs.store import Creations, Family, KeyUse, Period, Uniques, Unit

_TURNS = 2
"""Turns of the event loop in which an answer is written and sent."""


class _Refused(NamedTuple):
    """A request that is refused unless it is a repeat."""

    creation: Creation
    refusal: JobsError


class Making:
    """Creates jobs, and hands them over to claims that wait for them.

    Those with the same idempotency key must be the same request; of rivals for a unique key the first is created.

    `changes` are what is to be announced after the commit; `claimed` are the jobs handed over, with which the `promise` is
    to be kept then.
    """

    def __init__(self, unit: Unit, desk: ClaimDesk, limits: FamilyLimits) -> None:
        self._unit = unit
        self._desk = desk
        self._family = Family(unit)
        self._creations = Creations(unit)
        self._limits = limits
        self._answers: dict[EntityId, Created | Exception] = {}
        self.changes: list[Change] = []
        self.claimed: list[Claimed] = []
        self.promise = Promise()

    async def run(self, creations: Sequence[Creation]) -> dict[EntityId, Created | Exception]:
        """Return what became of each, by the id it was to have."""
        first, echoes = without_echoes(creations)
        # Parents before keys, in every transaction: two that wait for each other's would wait for ever.
        known, refused = await self._with_parents(first)
        free = await self._without_repeats(known)
        await self._insert(await self._without_recent(free))
        await self._family.add_children(
            Count(parent for change in self.changes if (parent := change.job.parent_id))
        )
        for creation, refusal in refused:
            self._answers[creation.job_id] = await self._repeat_of_refused(creation) or refusal
        told = await self._store_answers(free)
        for creation, original in echoes:
            self._answers[creation.job_id] = await self._echo(creation, original, told)
        return self._answers

    async def keep(self) -> None:
        """Answer the claims that were promised jobs, once these are committed, and before anything else is done."""
        if self.promise.keep(self.claimed):
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    async def _with_parents(self, creations: Sequence[Creation]) -> tuple[list[Creation], list[_Refused]]:
        """Lock the parents and find the roots; whose parent is not there, or may have no more children, is refused."""
        wanted = {creation.wanted.parent_id for creation in creations if creation.wanted.parent_id}
        if not wanted:
            return list(creations), []
        parents = await self._family.lock_parents(wanted)
        siblings = Count({parent.id: parent.child_count for parent in parents.values()})
        kept, refused = [], []
        for creation in creations:
            try:
                origin = self._placed(creation, parents, siblings)
            except JobsError as error:
                refused.append(_Refused(creation, error))
            else:
                kept.append(creation._replace(origin=origin))
        return kept, refused

    def _placed(self, creation: Creation, parents: Mapping[str, Parent], siblings: Count[EntityId]) -> Origin:
        """Return the origin with the place in the tree; raises `UnknownParent`, `ParentEnded` or `InvalidJob`."""
        parent_id = creation.wanted.parent_id
        if parent_id is None:
            return creation.origin
        parent = parents.get(parent_id)
        if parent is None or parent.scope != creation.wanted.scope:
            raise UnknownParent(parent_id)
        check_child(parent, self._limits, siblings=siblings[parent.id])
        siblings[parent.id] += 1
        return replace(creation.origin, root_id=parent.root_id, depth=parent.depth + 1)

    async def _repeat_of_refused(self, creation: Creation) -> Created | Exception | None:
        """Return the answer to a request that was granted once, although it would not be any more."""
        if creation.key is not None and await self._unit.key_use(creation.key) is not None:
            return await self._repeat(creation, creation.key)
        if creation.unique is None:
            return None
        found = await Uniques(self._unit).active([creation.unique])
        return await self._as_it_is(found[creation.unique], creation) if found else None

    async def _without_repeats(self, creations: Sequence[Creation]) -> list[Creation]:
        """Take the idempotency keys; who comes with one that is taken gets the answer it got then."""
        uses = [creation.key for creation in creations if creation.key]
        if not uses:
            return list(creations)
        taken = await self._unit.take_keys(uses)
        free = [creation for creation in creations if not creation.key or creation.key.identity in taken]
        for creation in creations:
            if creation.key and creation.key.identity not in taken:
                self._answers[creation.job_id] = await self._repeat(creation, creation.key)
        return free

    async def _repeat(self, creation: Creation, use: KeyUse) -> Created | Exception:
        before = await self._unit.key_use(use)
        if before is None or before.answer is None:
            return SimultaneousChange("The key was given up at this moment.")
        if before.request_hash != use.request_hash:
            return IdempotencyConflict(use.key)
        if creation.wanted.mode is JobMode.TRACKED:
            return await self._resumed(creation, before)
        return as_told(before)

    async def _resumed(self, creation: Creation, before: KeyUse) -> Created:
        """Give a process that did not hear the answer the attempt it already has, with a token it knows."""
        job = (await self._unit.lock([before.job_id])).jobs.get(before.job_id)
        is_owner = job is not None and job.runner == creation.wanted.runner
        if job is None or not is_owner or job.status is not JobStatus.RUNNING:
            return as_told(before)
        token, token_hash = new_token()
        await self._unit.write({job.id: job}, [Change(reissued(job, token_hash), None)])
        assignment = assignment_fields(job, token, creation.input)
        return Created(
            job_id=job.id,
            is_new=before.is_new,
            is_replay=True,
            job=(job, creation.input),
            kin=kin_of(job, creation),
            assignment=assignment,
        )

    async def _without_recent(self, creations: Sequence[Creation]) -> list[Creation]:
        """Whoever wants a job to be unique for a period gets the one of that period, if there is one."""
        periods = [
            Period(
                wanted.scope, wanted.type, wanted.unique_key, wanted.unique_period_seconds, creation.job_id
            )
            for creation in creations
            if (wanted := creation.wanted).unique_key and wanted.unique_period_seconds
        ]
        if not periods:
            return list(creations)
        recent = await Uniques(self._unit).recent(periods)
        for creation in creations:
            if found := recent.get(creation.job_id):
                self._answers[creation.job_id] = await self._as_it_is(found, creation)
        return [creation for creation in creations if creation.job_id not in recent]

    async def _insert(self, creations: Sequence[Creation]) -> None:
        if not creations:
            return
        now = await self._creations.now()
        new = [begun(creation, now) for creation in creations]
        # In one order for all: two transactions that wait for each other's unique keys would wait for ever.
        new.sort(key=by_unique_key)
        handed = self._promised(new)
        inserted = await self._creations.insert([item.stored for item in handed], self.promise.gate)
        if inserted is None:
            self.promise.put_back()
            handed, inserted = new, await self._creations.insert([item.stored for item in new])
        assert inserted is not None
        for item in handed:
            if item.change.job.id in inserted:
                self._made(item)
        await self._find([item.creation for item in handed if item.change.job.id not in inserted])

    def _promised(self, new: Sequence[New]) -> list[New]:
        """Let jobs begin at once for which a claim waits, unless the transaction finds others that come first."""
        self.promise = self._desk.promise(
            [
                (item.change.job, item.creation.input)
                for item in without_rivals(new)
                if item.change.job.is_ready
            ]
        )
        handed = []
        for item in new:
            if attempt := self.promise.attempts.get(item.change.job.id):
                runner, token_hash = attempt.runner, attempt.token_hash
                item = item._replace(started=hand_over(item.change, runner=runner, token_hash=token_hash))  # noqa: PLW2901
            handed.append(item)
        return handed

    def _made(self, item: New) -> None:
        self.changes.append(item.change)
        self._answers[item.creation.job_id] = answer_to(item)
        if item.started is not None:
            self.claimed.append(Claimed.of(item.started.job, item.creation.input))

    async def _find(self, creations: Sequence[Creation]) -> None:
        """Answer with the active jobs that have the unique keys."""
        if not creations:
            return
        names = {name for creation in creations if (name := creation.unique)}
        active = await Uniques(self._unit).active(list(names))
        if len(active) < len(names):
            raise SimultaneousChange("The job with this unique key ended at this moment.")
        jobs = await self._unit.read(list(active.values()))
        for creation in creations:
            assert creation.unique is not None
            self._answers[creation.job_id] = existing(jobs[active[creation.unique]], creation)

    async def _as_it_is(self, job_id: str, creation: Creation) -> Created:
        """Return the job there is in place of the new one, which is of the same type."""
        return existing((await self._unit.read([job_id]))[job_id], creation)

    async def _echo(
        self, creation: Creation, original: Creation, told: Mapping[EntityId, KeyUse]
    ) -> Created | Exception:
        """Answer a request that came together with the same one before."""
        use = told.get(original.job_id)
        if use is None:
            return self._answers[original.job_id]
        return await self._resumed(creation, use) if creation.wanted.mode is JobMode.TRACKED else as_told(use)

    async def _store_answers(self, creations: Sequence[Creation]) -> dict[EntityId, KeyUse]:
        """Keep what the requests with new idempotency keys are answered; returns it by the id the job was to have."""
        uses = {}
        for creation in creations:
            answer = self._answers[creation.job_id]
            if creation.key and isinstance(answer, Created):
                told = Json(answer.document.decode())
                uses[creation.job_id] = replace(
                    creation.key, job_id=answer.job_id, answer=told, is_new=answer.is_new
                )
        if uses:
            await self._unit.store_answers(list(uses.values()))
        return uses
