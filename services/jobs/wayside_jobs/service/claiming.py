"""Claims: runners ask for work and wait here, in the order of their arrival, until there is some."""

import asyncio
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import structlog

from wayside_events.contracts.jobs import ClaimRequest
from wayside_jobs.domain.documents import Document, assignment_fields
from wayside_jobs.domain.errors import JobsError
from wayside_jobs.domain.job import Change
from wayside_jobs.domain.verbs import claim
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.dealing import REPLY_BYTES, Hand, Waiter, deal
from wayside_jobs.service.metrics import JobsMetrics
from wayside_jobs.service.tokens import new_token
from wayside_jobs.store import Store
from wayside_service.errors import ServiceError, Unavailable

LOCK_LIMIT = 1_000
"""Jobs one transaction locks at most, about: with several queues or types it locks as many of each as it may assign."""

_ASSIGN_LEAST = 20

_BATCH_BYTES = 16 * REPLY_BYTES

PATIENCE_SECONDS = 2.0
"""How long after its `wait_ms` a claim may still be given work; runners wait longer than that for the answer."""

Interest = tuple[tuple[str, ...], tuple[str, ...]]
"""The queues and job types a runner serves, each sorted; runners of one fleet have the same."""

log = structlog.get_logger("wayside_jobs.claiming")


class Lane:
    """The claims of runners with one interest. Whenever it is woken, one transaction serves them all."""

    def __init__(self, interest: Interest, store: Store, announcer: Announcer, metrics: JobsMetrics) -> None:
        self.queues, self.job_types = interest
        self._waiters: deque[Waiter] = deque()
        self._woken = asyncio.Event()
        self._limit = max(LOCK_LIMIT // (len(self.queues) * len(self.job_types)), _ASSIGN_LEAST)
        self._store = store
        self._announcer = announcer
        self._metrics = metrics

    def add(self, waiter: Waiter) -> None:
        """Let a claim wait, behind the others."""
        self._waiters.append(waiter)
        self._woken.set()

    def wake(self) -> None:
        """Say that there may be work."""
        self._woken.set()

    def withdraw(self, runner: str | None = None) -> None:
        """Answer the claims of one runner, or all: at once, or with what a transaction under way gives them."""
        for waiter in self._waiters:
            if runner is None or waiter.request.runner == runner:
                waiter.is_withdrawn = True
        self._woken.set()

    async def run(self, backstop_seconds: float) -> None:
        """Serve until nobody waits any more."""
        loop = asyncio.get_running_loop()
        poll_at = loop.time() + backstop_seconds
        while self._waiters:
            was_woken = await self._wait(min(poll_at, *(waiter.answer_at for waiter in self._waiters)))
            is_poll = not was_woken and loop.time() >= poll_at
            if was_woken or is_poll:
                poll_at = loop.time() + backstop_seconds
                found = await self._try_to_serve()
                if is_poll and found:
                    self._metrics.backstop_hits.inc()
                    log.info("backstop_found_work", queues=self.queues, jobs=found)
            self._answer_late(loop.time())

    async def _wait(self, until: float) -> bool:
        """Return whether somebody woke the lane before the time."""
        if not self._woken.is_set():
            try:
                async with asyncio.timeout_at(until):
                    await self._woken.wait()
            except TimeoutError:
                return False
        return True

    async def _try_to_serve(self) -> int:
        self._woken.clear()
        try:
            return await self._serve()
        except (ServiceError, JobsError) as error:
            self._fail(error)
        except Exception as error:
            log.exception("claim_failed")
            self._fail(error)
        return 0

    async def _serve(self) -> int:
        self._answer_gone(asyncio.get_running_loop().time())
        slots = min(sum(waiter.request.slots for waiter in self._waiters), self._limit)
        if not slots:
            return 0
        limit_bytes = min(REPLY_BYTES * len(self._waiters), _BATCH_BYTES)
        async with self._store.transaction() as unit:
            ready = await unit.lock_ready(self.queues, self.job_types, limit=slots, limit_bytes=limit_bytes)
            self._answer_gone(asyncio.get_running_loop().time())
            given = [_given(hand, ready.now) for hand in deal(ready.jobs, self._waiters)]
            changes = [change for gift in given for change in gift.changes]
            await unit.write({item.job.id: item.job for item in ready.jobs}, changes)
        self._announcer.committed(changes)
        for gift in given:
            self._answer(gift.waiter, gift.documents)
        were_left = len(changes) < len(ready.jobs)
        if were_left or ready.is_cut_off(slots, limit_bytes):
            self._continue(were_left=were_left)
        return len(changes)

    def _continue(self, *, were_left: bool) -> None:
        """There is more. Where more was locked than given, as with several queues or types, others passed over it."""
        self._woken.set()
        if were_left or len(self.queues) * len(self.job_types) > 1:
            self._announcer.ready(self.queues)

    def _answer_gone(self, now: float) -> None:
        """Drop claims whose answer nobody waits for any more: they must not be given a job."""
        for waiter in list(self._waiters):
            is_gone = waiter.future.done() or waiter.answer_at + PATIENCE_SECONDS < now
            if is_gone or waiter.is_withdrawn:
                self._answer(waiter, [])

    def _answer_late(self, now: float) -> None:
        """Answer claims for which nothing arrived in time."""
        for waiter in [waiter for waiter in self._waiters if waiter.answer_at <= now]:
            self._answer(waiter, [])

    def _answer(self, waiter: Waiter, documents: list[Document]) -> None:
        self._waiters.remove(waiter)
        if not waiter.future.done():
            waiter.future.set_result(documents)

    def _fail(self, error: Exception) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.future.done():
                waiter.future.set_exception(error)


class ClaimDesk:
    """Where all claims of an instance come, each to the lane of its interest."""

    def __init__(
        self, store: Store, announcer: Announcer, metrics: JobsMetrics, *, backstop_seconds: float
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._metrics = metrics
        self._backstop_seconds = backstop_seconds
        self._lanes: dict[Interest, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = True
        announcer.on_ready(self.wake)
        announcer.on_withdrawn(self.withdraw)

    async def claim(self, request: ClaimRequest) -> list[Document]:
        """Return assignments (`contracts.jobs.Assignment`) as soon as there is work, else none after `wait_ms`.

        Raises `DatabaseUnavailable`, or `Unavailable` when this instance is about to end.
        """
        if not self._is_open:
            raise Unavailable("This instance is shutting down.")
        loop = asyncio.get_running_loop()
        waiter = Waiter(request, loop.time() + request.wait_ms / 1000, loop.create_future())
        self._lane(request).add(waiter)
        with self._metrics.parked.track_inprogress():
            documents = await waiter.future
        self._metrics.claims.labels("yes" if documents else "no").inc()
        return documents

    def wake(self, queues: Collection[str]) -> None:
        """Say that queues have work."""
        for lane in self._lanes.values():
            if not set(lane.queues).isdisjoint(queues):
                lane.wake()

    def withdraw(self, runner: str | None = None) -> None:
        """Answer the claims of a runner that shuts down, or all.

        All, after NATS was away: who asked may have given up meanwhile, and would not hear of the job it is given.
        """
        for lane in self._lanes.values():
            lane.withdraw(runner)

    async def close(self) -> None:
        """Answer everybody who waits, and take no more claims."""
        self._is_open = False
        self.withdraw()
        await asyncio.gather(*self._tasks)

    def _lane(self, request: ClaimRequest) -> Lane:
        interest = (tuple(sorted(set(request.queues))), tuple(sorted(set(request.job_types))))
        lane = self._lanes.get(interest)
        if lane is None:
            lane = self._lanes[interest] = Lane(interest, self._store, self._announcer, self._metrics)
            task = asyncio.create_task(self._run(interest, lane), name="claims")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return lane

    async def _run(self, interest: Interest, lane: Lane) -> None:
        try:
            await lane.run(self._backstop_seconds)
        finally:
            del self._lanes[interest]


@dataclass(frozen=True, slots=True)
class _Gift:
    """The attempts one claim is given, and the answer that says so."""

    waiter: Waiter
    changes: list[Change]
    documents: list[Document]


def _given(hand: Hand, now: datetime) -> _Gift:
    gift = _Gift(hand.waiter, [], [])
    for item in hand.jobs:
        token, token_hash = new_token()
        change = claim(item.job, runner=hand.waiter.request.runner, token_hash=token_hash, now=now)
        gift.changes.append(change)
        gift.documents.append(assignment_fields(change.job, token, item.input))
    return gift
