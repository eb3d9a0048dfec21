"""The claims of runners that want the same: one transaction serves all that wait."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import product
from math import inf

import structlog

from wayside_events.identifiers import EntityId
from wayside_jobs.domain.claims import Claimed, ReadyJob
from wayside_jobs.domain.errors import JobsError
from wayside_jobs.domain.flow import Limits, Pairs, Room, Search
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.claiming.dealing import Waiter, deal
from wayside_jobs.service.claiming.gifts import Gift
from wayside_jobs.service.metrics import JobsMetrics
from wayside_jobs.service.queues import Flow
from wayside_jobs.store import Claims, Found, Store
from wayside_service.errors import ServiceError

LOCK_LIMIT = 1_000
"""Jobs one transaction claims at most."""

PAUSES_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""When to look again for jobs that others had locked: they may be let go without a word. The last counts from then on."""

PATIENCE_SECONDS = 2.0
"""How long after its `wait_ms` a claim may still be given work; runners wait longer than that for the answer."""

Interest = tuple[tuple[str, ...], tuple[str, ...]]
"""The queues and job types a runner serves, each sorted; runners of one fleet have the same."""

log = structlog.get_logger("wayside_jobs.claiming")


class Lane:
    """The claims of runners with one interest. Whenever it is woken, one transaction serves them all.

    When that left nothing, the lane is dry until somebody speaks of work: claims that come wait without another look, and
    may be promised to jobs that are about to be created.
    """

    def __init__(
        self, interest: Interest, store: Store, flow: Flow, announcer: Announcer, metrics: JobsMetrics
    ) -> None:
        self.queues, self.job_types = interest
        self.pairs = _pairs_of(interest)
        self.after = ""
        self._waiters: deque[Waiter] = deque()
        self._promised: list[Waiter] = []
        self._stirred = asyncio.Event()
        self._was_woken = True
        self._is_dry = False
        self._looked: asyncio.Future[None] | None = None
        self._pauses = 0
        self._store = store
        self._flow = flow
        self._announcer = announcer
        self._metrics = metrics

    @property
    def parked(self) -> int:
        """How many claims wait for which there was nothing when they came."""
        return sum(waiter.is_parked for waiter in self._waiters)

    @property
    def hungry_until(self) -> float | None:
        """When the first of the claims gives up that wait although there is nothing; `None` when there is none."""
        return self._waiters[0].answer_at if self._is_dry and self._waiters else None

    def serves(self, queue: str, job_type: str) -> bool:
        """Whether its runners take such jobs."""
        return queue in self.queues and job_type in self.job_types

    def add(self, waiter: Waiter) -> None:
        """Let a claim wait, behind the others. One that has no time wants to know what there is now."""
        waiter.is_parked = self._is_dry
        self._waiters.append(waiter)
        if self._is_dry and waiter.request.wait_ms:
            self._stirred.set()
        else:
            self.wake()

    def wake(self) -> None:
        """Say that there may be work."""
        self._is_dry = False
        self._was_woken = True
        self._stirred.set()

    def withdraw(self, runner: str | None = None) -> None:
        """Answer the claims of one runner, or all: at once, or with what a transaction under way gives them."""
        for waiter in (*self._waiters, *self._promised):
            if runner is None or waiter.request.runner == runner:
                waiter.is_withdrawn = True
        self._stirred.set()

    @property
    def look(self) -> asyncio.Future[None] | None:
        """The end of the look under way or about to be, if there is one and somebody may want more after it."""
        if self._is_dry or not self._waiters:
            return None
        if self._looked is None:
            self._looked = asyncio.get_running_loop().create_future()
        return self._looked

    def promise(self, ready: Sequence[ReadyJob]) -> list[Gift]:
        """Keep claims for jobs that are about to be created, none if there may be others to claim."""
        if not self._is_dry:
            return []
        self._answer_gone(asyncio.get_running_loop().time())
        gifts = list(map(Gift, deal(ready, self._waiters)))
        for gift in gifts:
            self._waiters.remove(gift.waiter)
            self._promised.append(gift.waiter)
        return gifts

    def keep(
        self, gifts: Sequence[Gift], ready: Sequence[ReadyJob], known: Mapping[EntityId, Claimed]
    ) -> None:
        """Answer claims that were promised jobs with those of them that are known; who gets none waits on."""
        unserved = []
        for gift in gifts:
            if assignments := gift.assignments(known):
                self._promised.remove(gift.waiter)
                _answer(gift.waiter, assignments)
            else:
                unserved.append(gift)
        self.after = next((item.scope for item in reversed(ready) if item.id in known), self.after)
        self.put_back(unserved)

    def put_back(self, gifts: Sequence[Gift]) -> None:
        """Let claims wait on, before the others, and look for what they missed."""
        for gift in reversed(gifts):
            self._promised.remove(gift.waiter)
            self._waiters.appendleft(gift.waiter)
        if gifts:
            self.wake()
        self._stirred.set()

    async def run(self, backstop_seconds: float) -> None:
        """Serve until nobody waits any more."""
        loop = asyncio.get_running_loop()
        poll_at = loop.time() + backstop_seconds
        while self._waiters or self._promised:
            await self._wait(min((waiter.answer_at for waiter in self._waiters), default=inf), poll_at)
            is_poll = not self._was_woken and loop.time() >= poll_at
            if self._was_woken or is_poll:
                poll_at = loop.time() + backstop_seconds
                found = await self._try_to_serve()
                self._tell_looked()
                if is_poll and found:
                    self._metrics.backstop_hits.inc()
                    log.info("backstop_found_work", queues=self.queues, jobs=found)
            self._answer_gone(loop.time())
            self._answer_late(loop.time())

    def _tell_looked(self) -> None:
        looked, self._looked = self._looked, None
        if looked is not None:
            looked.set_result(None)

    async def _wait(self, answer_at: float, poll_at: float) -> None:
        """Wait until the lane is stirred, or for the next thing to do."""
        if not self._stirred.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(answer_at, poll_at)):
                    await self._stirred.wait()
        self._stirred.clear()

    async def _try_to_serve(self) -> int:
        self._was_woken = self._is_dry = False
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
        looked_for = list(self._waiters)
        slots = min(sum(waiter.request.slots for waiter in self._waiters), LOCK_LIMIT)
        if not slots:
            return 0
        limits = await self._flow.limits()
        async with self._store.transaction() as unit:
            claims = Claims(unit)
            room = await self._room(claims, limits)
            search = room.search(self.pairs, slots) if room else Search(self.pairs, slots, slots)
            found = await claims.lock_ready(search, after=self.after)
            self._answer_gone(asyncio.get_running_loop().time())
            admitted = room.admit(found.jobs) if room else found.jobs
            gifts = [Gift(hand) for hand in deal(admitted, self._waiters)]
            claimed = await claims.start([attempt for gift in gifts for attempt in gift.attempts])
        if claimed:
            self._give(gifts, admitted, claimed)
        self._continue(found, admitted, claimed)
        # What limits keep back may be claimed at any moment.
        self._is_dry = self._is_dry and room is None
        for waiter in looked_for:
            waiter.is_parked = True
        return len(claimed)

    async def _room(self, claims: Claims, limits: Limits) -> Room | None:
        """Count what runs under the limits that concern this lane, so that nobody else counts at the same time."""
        keys = limits.keys_of(self.queues, self.job_types)
        return Room(limits, await claims.count_running(keys)) if keys else None

    def _give(self, gifts: Sequence[Gift], admitted: Sequence[ReadyJob], claimed: Sequence[Claimed]) -> None:
        known = {job.id: job for job in claimed}
        self.after = next(item.scope for item in reversed(admitted) if item.id in known)
        self._announcer.claimed(claimed)
        for gift in gifts:
            if assignments := gift.assignments(known):
                self._answer(gift.waiter, assignments)

    def _continue(self, found: Found, admitted: Sequence[ReadyJob], claimed: Sequence[Claimed]) -> None:
        """Go on if there may be more, and look again in a moment for what others have locked.

        Others passed over what was locked here and is left. Not over what limits refused: to see that, they would have
        had to count first.
        """
        were_left = len(claimed) < len(admitted)
        if were_left:
            self._announcer.ready(self.queues)
        if were_left or (claimed and found.are_more):
            self.wake()
        self._pauses = self._pauses + 1 if found.were_passed_over else 0
        if found.were_passed_over and self._waiters:
            pause = PAUSES_SECONDS[min(self._pauses, len(PAUSES_SECONDS)) - 1]
            asyncio.get_running_loop().call_later(pause, self.wake)
        self._is_dry = not (self._was_woken or found.are_more or found.were_passed_over)

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

    def _answer(self, waiter: Waiter, documents: list[bytes]) -> None:
        self._waiters.remove(waiter)
        _answer(waiter, documents)

    def _fail(self, error: Exception) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.future.done():
                waiter.future.set_exception(error)


def _answer(waiter: Waiter, documents: list[bytes]) -> None:
    if not waiter.future.done():
        waiter.future.set_result(documents)


def _pairs_of(interest: Interest) -> Pairs:
    """Every queue with every type."""
    queues, job_types = interest
    pairs = list(product(queues, job_types))
    return Pairs([queue for queue, _ in pairs], [job_type for _, job_type in pairs])
