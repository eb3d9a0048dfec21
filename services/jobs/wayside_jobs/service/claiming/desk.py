"""Claims: runners ask for work and wait here, in the order of their arrival, until there is some."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from wayside_events.contracts.jobs import ClaimRequest
from wayside_jobs.domain.claims import in_turn, ready_job
from wayside_jobs.domain.flow import Limits
from wayside_jobs.domain.job import Job
from wayside_jobs.domain.values import Json
from wayside_jobs.service.announcing import ANY_QUEUE, Announcer
from wayside_jobs.service.claiming.dealing import Waiter
from wayside_jobs.service.claiming.lane import Interest, Lane
from wayside_jobs.service.claiming.promising import Promise, Share
from wayside_jobs.service.metrics import JobsMetrics
from wayside_jobs.service.queues import Flow
from wayside_jobs.store import Store
from wayside_service.errors import Unavailable

LOOK_SECONDS = 0.02
"""How long a creation waits at most for looks that are under way."""

_REMEMBERED = 1_000
"""Interests whose turn is remembered while nobody waits."""


class ClaimDesk:
    """Where all claims of an instance come, each to the lane of its interest."""

    def __init__(
        self,
        store: Store,
        flow: Flow,
        announcer: Announcer,
        metrics: JobsMetrics,
        *,
        backstop_seconds: float,
    ) -> None:
        self._store = store
        self._flow = flow
        self._announcer = announcer
        self._metrics = metrics
        self._backstop_seconds = backstop_seconds
        self._lanes: dict[Interest, Lane] = {}
        self._turns: dict[Interest, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = True
        metrics.parked.set_function(lambda: sum(lane.parked for lane in self._lanes.values()))
        announcer.on_ready(self.wake)
        announcer.on_withdrawn(self.withdraw)

    async def claim(self, request: ClaimRequest) -> list[bytes]:
        """Return assignments, each `contracts.jobs.Assignment` as JSON, as soon as there is work, else none after `wait_ms`.

        Raises `DatabaseUnavailable`, or `Unavailable` when this instance is about to end.
        """
        if not self._is_open:
            raise Unavailable("This instance is shutting down.")
        loop = asyncio.get_running_loop()
        waiter = Waiter(request, loop.time() + request.wait_ms / 1000, loop.create_future())
        self._lane(request).add(waiter)
        assignments = await waiter.future
        self._metrics.claims.labels("yes" if assignments else "no").inc()
        return assignments

    async def looked(self, places: Iterable[tuple[str, str]]) -> None:
        """Wait a moment for looks under way for jobs of these queues and types: claims may be left that want more."""
        looks = [(lane, look) for lane in self._lanes.values() if (look := lane.look) is not None]
        if not looks:
            return
        wanted = set(places)
        awaited = [look for lane, look in looks if any(lane.serves(*place) for place in wanted)]
        if awaited:
            await asyncio.wait(awaited, timeout=LOOK_SECONDS)

    def promise(self, jobs: Sequence[tuple[Job, Json]]) -> Promise:
        """Keep parked claims for jobs that are about to be created, as far as there are some, in the order of claims.

        No lane takes part for which a limit counts, or for which there may be something else to claim.
        """
        limits = self._flow.known()
        if limits is None or all(lane.hungry_until is None for lane in self._lanes.values()):
            return Promise()
        inputs = {job.id: job_input for job, job_input in jobs}
        wanted: dict[Lane, list[Job]] = defaultdict(list)
        lanes: dict[tuple[str, str], Lane | None] = {}
        for job, _ in jobs:
            place = (job.queue, job.type)
            if place not in lanes:
                lanes[place] = self._hungriest(place, limits)
            if lane := lanes[place]:
                wanted[lane].append(job)
        shares = []
        for lane, candidates in wanted.items():
            ready = [ready_job(job, inputs[job.id]) for job in in_turn(candidates, lane.after)]
            if gifts := lane.promise(ready):
                shares.append(Share(lane, gifts, ready))
        return Promise(shares)

    def _hungriest(self, place: tuple[str, str], limits: Limits) -> Lane | None:
        """Return the lane for a queue and type in which somebody waits longest, of those without limits."""
        found = [
            (hungry_until, number, lane)
            for number, lane in enumerate(self._lanes.values())
            if (hungry_until := lane.hungry_until) is not None
            and lane.serves(*place)
            and not limits.keys_of(lane.queues, lane.job_types)
        ]
        return min(found)[2] if found else None

    def wake(self, queues: Collection[str]) -> None:
        """Say that queues have work."""
        for lane in self._lanes.values():
            if ANY_QUEUE in queues or not set(lane.queues).isdisjoint(queues):
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
            lane = self._lanes[interest] = Lane(
                interest, self._store, self._flow, self._announcer, self._metrics
            )
            lane.after = self._turns.pop(interest, "")
            task = asyncio.create_task(self._run(interest, lane), name="claims")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return lane

    async def _run(self, interest: Interest, lane: Lane) -> None:
        try:
            await lane.run(self._backstop_seconds)
        finally:
            del self._lanes[interest]
            self._turns[interest] = lane.after
            if len(self._turns) > _REMEMBERED:
                del self._turns[next(iter(self._turns))]
