"""What others are told after a commit: all of it may be lost, and costs only latency then."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from itertools import islice
from typing import Protocol

import orjson
import structlog

from wayside_events.bus import BusError
from wayside_events.contracts.jobs import WAKE_SUBJECT, RunnerPush, runner_subject
from wayside_events.identifiers import EntityId
from wayside_jobs.domain.claims import Claimed
from wayside_jobs.domain.facts import CancelRequested, Queued
from wayside_jobs.domain.job import Change, Job
from wayside_jobs.service.metrics import JobsMetrics

IDS_LIMIT = 5_000
"""Ids of jobs that one message has at most."""

ANY_QUEUE = "*"
"""In place of the name of a queue: it is not known which have work."""

log = structlog.get_logger("wayside_jobs.announcing")


class About(StrEnum):
    """What instances tell each other of jobs, by their ids."""

    AWAITED = "awaited"  # somebody waits here for these
    ENDED = "ended"  # these, which somebody waits for elsewhere, are over


class Messenger(Protocol):
    """The part of the bus this needs."""

    async def notify(self, subject: str, payload: bytes = b"") -> None:
        """Send a message that may be lost."""
        ...


class Announcer:
    """Tells the relay, parked claims here and elsewhere, the scheduler and runners what was committed.

    `run()` sends what goes over NATS; what piles up meanwhile is sent as one message per kind.
    """

    def __init__(self, messenger: Messenger, metrics: JobsMetrics, instance: str) -> None:
        self._messenger = messenger
        self._metrics = metrics
        self._instance = instance
        self._queues: set[str] = set()
        self._types_changed = False
        self._limits_changed = False
        self._withdrawn: set[str] = set()
        self._pushes: list[tuple[str, RunnerPush]] = []
        self._pending = asyncio.Event()
        self._on_events: list[Callable[[], None]] = []
        self._on_ready: list[Callable[[Collection[str]], None]] = []
        self._on_scheduled: list[Callable[[], None]] = []
        self._on_types: list[Callable[[], None]] = []
        self._on_limits: list[Callable[[], None]] = []
        self._on_withdrawn: list[Callable[[str], None]] = []
        self._on_cascading: list[Callable[[], None]] = []
        self._on_changes: list[Callable[[Sequence[Change]], None]] = []
        self._on_claimed: list[Callable[[Sequence[Claimed]], None]] = []
        self._on_told: dict[About, Callable[[Collection[str]], None]] = {}
        self._to_tell: dict[About, dict[str, None]] = {about: {} for about in About}

    def on_events(self, callback: Callable[[], None]) -> None:
        """Call back when events were committed."""
        self._on_events.append(callback)

    def on_ready(self, callback: Callable[[Collection[str]], None]) -> None:
        """Call back with queues that have new work, wherever it came from."""
        self._on_ready.append(callback)

    def on_scheduled(self, callback: Callable[[], None]) -> None:
        """Call back when a job was scheduled here for later."""
        self._on_scheduled.append(callback)

    def on_types(self, callback: Callable[[], None]) -> None:
        """Call back when job types were registered, here or elsewhere."""
        self._on_types.append(callback)

    def on_limits(self, callback: Callable[[], None]) -> None:
        """Call back when limits were changed, here or elsewhere."""
        self._on_limits.append(callback)

    def on_withdrawn(self, callback: Callable[[str], None]) -> None:
        """Call back with a runner that wants no more work, here or elsewhere."""
        self._on_withdrawn.append(callback)

    def on_cascading(self, callback: Callable[[], None]) -> None:
        """Call back when a job with children was canceled here."""
        self._on_cascading.append(callback)

    def on_changes(self, callback: Callable[[Sequence[Change]], None]) -> None:
        """Call back with the visible changes committed here, other than claims."""
        self._on_changes.append(callback)

    def on_claimed(self, callback: Callable[[Sequence[Claimed]], None]) -> None:
        """Call back with the jobs claimed here."""
        self._on_claimed.append(callback)

    def on_told(self, about: About, callback: Callable[[Collection[str]], None]) -> None:
        """Call back with ids of jobs another instance told of."""
        self._on_told[about] = callback

    def tell(self, about: About, job_ids: Collection[str]) -> None:
        """Tell the other instances of jobs."""
        if job_ids:
            self._to_tell[about].update(dict.fromkeys(job_ids))
            self._pending.set()

    def committed(self, changes: Sequence[Change], *, handed_over: Collection[EntityId] = ()) -> None:
        """Say what follows from committed changes; those that nobody sees are passed over.

        Jobs that were handed over have a runner already, who is told of by `claimed`.
        """
        visible = [change for change in changes if change.fact is not None]
        if not visible:
            return
        self._metrics.count(visible)
        for callback in self._on_events:
            callback()
        for change in visible:
            if isinstance(change.fact, CancelRequested):
                self._push_cancel(change.job)
        for told in self._on_changes:
            told(visible)
        if any(change.job.is_cascading and not change.job.is_passed_over for change in visible):
            for callback in self._on_cascading:
                callback()
        queued = [
            change.job
            for change in visible
            if isinstance(change.fact, Queued) and change.job.id not in handed_over
        ]
        self.ready({job.queue for job in queued if job.is_ready})
        if not all(job.is_ready for job in queued):
            self._scheduled()

    def claimed(self, jobs: Sequence[Claimed]) -> None:
        """Say what follows from jobs that were given to runners."""
        self._metrics.count_claimed(jobs)
        for callback in self._on_events:
            callback()
        for told in self._on_claimed:
            told(jobs)

    def _push_cancel(self, job: Job) -> None:
        if job.runner is not None:
            self._pushes.append((job.runner, RunnerPush(job_id=job.id, attempt=job.attempt)))
            self._pending.set()

    def ready(self, queues: Collection[str]) -> None:
        """Say that queues have work, here and to the other instances."""
        if queues:
            self.ready_here(queues)
            self._queues.update(queues)
            self._pending.set()

    def ready_here(self, queues: Collection[str]) -> None:
        """Say that queues have work, to this instance only."""
        for callback in self._on_ready:
            callback(queues)

    def types_registered(self) -> None:
        """Say that job types were registered."""
        self._heard_types()
        self._types_changed = True
        self._pending.set()

    def limits_changed(self) -> None:
        """Say that somebody changed a limit."""
        self._heard_limits()
        self._limits_changed = True
        self._pending.set()

    def withdrawn(self, runner: str) -> None:
        """Say that a runner wants no more work: its claims may be parked anywhere."""
        self._heard_withdrawn([runner])
        self._withdrawn.add(runner)
        self._pending.set()

    def hear(self, payload: bytes) -> None:
        """Take a message of another instance; anything else on the subject is not meant for us."""
        try:
            message = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return
        if not isinstance(message, dict) or message.get("instance") == self._instance:
            return
        if message.get("queues"):
            self.ready_here(message["queues"])
        if message.get("types"):
            self._heard_types()
        if message.get("limits"):
            self._heard_limits()
        self._heard_withdrawn(message.get("withdrawn", []))
        for about, callback in self._on_told.items():
            if message.get(about):
                callback(message[about])

    async def run(self) -> None:
        """Send, for ever."""
        while True:
            await self._pending.wait()
            self._pending.clear()
            try:
                await self._send()
            except BusError as error:
                log.info("announcement_lost", error=str(error))
            except Exception:
                log.exception("announcement_failed")

    async def _send(self) -> None:
        pushes, self._pushes = self._pushes, []
        queues, self._queues = self._queues, set()
        types_changed, self._types_changed = self._types_changed, False
        limits_changed, self._limits_changed = self._limits_changed, False
        withdrawn, self._withdrawn = self._withdrawn, set()
        told = {about.value: self._next_told(about) for about, job_ids in self._to_tell.items() if job_ids}
        if queues or types_changed or limits_changed or withdrawn or told:
            message: dict[str, object] = {
                "instance": self._instance,
                "queues": list(queues),
                "types": types_changed,
                "limits": limits_changed,
                "withdrawn": list(withdrawn),
                **told,
            }
            await self._messenger.notify(WAKE_SUBJECT, orjson.dumps(message))
        for runner, push in pushes:
            await self._messenger.notify(runner_subject(runner), push.model_dump_json().encode())

    def _next_told(self, about: About) -> list[str]:
        """Take as many ids as one message may have; the rest goes with the next."""
        waiting = self._to_tell[about]
        told = list(islice(waiting, IDS_LIMIT))
        for job_id in told:
            del waiting[job_id]
        if waiting:
            self._pending.set()
        return told

    def _scheduled(self) -> None:
        for callback in self._on_scheduled:
            callback()

    def _heard_withdrawn(self, runners: Collection[str]) -> None:
        for runner in runners:
            for callback in self._on_withdrawn:
                callback(runner)

    def _heard_limits(self) -> None:
        for callback in self._on_limits:
            callback()

    def _heard_types(self) -> None:
        for callback in self._on_types:
            callback()
