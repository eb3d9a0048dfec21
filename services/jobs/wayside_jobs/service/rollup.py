"""Rollups: the progress of children goes into their running parent's, a moment after it changed."""

import asyncio
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final

import structlog

from wayside_events.identifiers import EntityId
from wayside_events.jobs import JobStatus
from wayside_jobs.domain.claims import Claimed
from wayside_jobs.domain.job import Change
from wayside_jobs.domain.verbs import roll_up
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.metrics import JobsMetrics
from wayside_jobs.store import Store
from wayside_jobs.store.groups import Groups, Rollups
from wayside_service.errors import Unavailable

DELAY_SECONDS = 0.25
"""How long changes of children are gathered before their parent is told."""

PARENTS_LIMIT = 50
"""Parents one transaction tells at most."""

DUE_LIMIT = 100_000
"""Parents that may wait to be told; those beyond are left to the backstop."""

SWEPT_CHILDREN_LIMIT = 20_000
"""Children the backstop counts at a time, about; the next time it goes on from there."""

_REST = 4
"""How many times as long as a rollup took the next waits: those of large families take a share of the time, not all."""

_BEFORE_ALL: Final = "00000000-0000-0000-0000-000000000000"

log = structlog.get_logger("wayside_jobs.rollup")


class Rollup:
    """Tells parents of their children.

    What an instance commits it rolls up itself. What it forgot because it died, the backstop of any instance finds: a
    parent that is behind its children twice, without having changed in between.
    """

    def __init__(
        self, store: Store, announcer: Announcer, metrics: JobsMetrics, *, backstop_seconds: float
    ) -> None:
        self._store = store
        self._groups = Groups(store)
        self._announcer = announcer
        self._metrics = metrics
        self._backstop_seconds = backstop_seconds
        self._due: dict[str, float] = {}
        self._woken = asyncio.Event()
        self._swept_up_to: str = _BEFORE_ALL
        self._behind: dict[str, int] = {}
        announcer.on_changes(self._hear_changes)
        announcer.on_claimed(self._hear_claimed)

    async def run(self) -> None:
        """Roll up, for ever."""
        loop = asyncio.get_running_loop()
        sweep_at = loop.time() + self._backstop_seconds
        while True:
            await self._wait(min(sweep_at, next(iter(self._due.values()), sweep_at)))
            due = [
                job_id for job_id, due_at in islice(self._due.items(), PARENTS_LIMIT) if due_at <= loop.time()
            ]
            if due:
                began = loop.time()
                await self._try(due)
                await asyncio.sleep(_REST * (loop.time() - began))
            if loop.time() >= sweep_at:
                await self._try_to_sweep()
                sweep_at = loop.time() + self._backstop_seconds

    async def roll_up(self, parent_ids: Collection[str]) -> set[str]:
        """Tell those of the parents that run; returns those that are busy and have to be told later."""
        async with self._store.transaction() as unit:
            rollups = Rollups(unit)
            running = await rollups.running(parent_ids)
            taken = await rollups.take(running)
            children = await rollups.children(taken)
            free = await rollups.lock(taken)
            locked = await unit.lock(sorted(free))
            changes = [
                roll_up(job, children[job.id], now=locked.now)
                for job in locked.jobs.values()
                if job.status is JobStatus.RUNNING and job.id in children
            ]
            await unit.write(locked.jobs, changes)
        self._announcer.committed(changes)
        return running - free

    async def sweep(self) -> None:
        """Look for parents that nobody has told."""
        parents = await self._next_parents()
        found = await self._store.read(parents, whole=False)
        children = await self._groups.children(parents)
        behind: dict[str, int] = {}
        for job, _ in found.values():
            if job.status is not JobStatus.RUNNING or job.id not in children or job.id in self._due:
                continue
            if roll_up(job, children[job.id], now=job.updated_at).fact is not None:
                behind[job.id] = job.revision
        forgotten = [job_id for job_id, revision in behind.items() if self._behind.get(job_id) == revision]
        self._behind = behind
        if forgotten:
            self._metrics.rollup_backstop_hits.inc(len(forgotten))
            log.info("backstop_found_parents", jobs=len(forgotten))
            self._add(forgotten)

    async def _next_parents(self) -> list[EntityId]:
        """The suspects of the last time, then as many others as are quickly counted, in turn."""
        parents = await self._groups.next_parents(self._swept_up_to, limit=PARENTS_LIMIT)
        taken: list[EntityId] = []
        total = 0
        for job_id, child_count in parents:
            if taken and total + child_count > SWEPT_CHILDREN_LIMIT:
                break
            taken.append(job_id)
            total += child_count
        is_round = len(taken) == len(parents) < PARENTS_LIMIT
        self._swept_up_to = _BEFORE_ALL if is_round or not taken else taken[-1]
        return [*map(EntityId, self._behind.keys() - set(taken)), *taken]

    def _hear_changes(self, changes: Sequence[Change]) -> None:
        self._add({change.job.parent_id for change in changes if change.job.parent_id is not None})

    def _hear_claimed(self, jobs: Sequence[Claimed]) -> None:
        """Also a parent that begins with children: of its last attempt, or made while it waited."""
        self._add({job.parent_id for job in jobs if job.parent_id is not None})
        self._add({job.id for job in jobs if job.child_count})

    def _add(self, parent_ids: Collection[str]) -> None:
        if not parent_ids:
            return
        due_at = asyncio.get_running_loop().time() + DELAY_SECONDS
        for parent_id in parent_ids:
            if len(self._due) < DUE_LIMIT:
                self._due.setdefault(parent_id, due_at)
        self._woken.set()

    async def _wait(self, until: float) -> None:
        self._woken.clear()
        if self._due and until > asyncio.get_running_loop().time():
            # Somebody is next already; who comes now is later.
            await asyncio.sleep(until - asyncio.get_running_loop().time())
            return
        try:
            async with asyncio.timeout_at(until):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _try(self, parent_ids: Sequence[str]) -> None:
        for parent_id in parent_ids:
            del self._due[parent_id]
        try:
            self._add(await self.roll_up(parent_ids))
        except Unavailable as error:
            log.info("rollup_postponed", error=str(error))
            self._add(parent_ids)
        except Exception:
            log.exception("rollup_failed")

    async def _try_to_sweep(self) -> None:
        try:
            await self.sweep()
        except Unavailable as error:
            log.info("sweep_postponed", error=str(error))
        except Exception:
            log.exception("sweep_failed")
