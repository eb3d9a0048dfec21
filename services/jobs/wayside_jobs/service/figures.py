"""How queues are doing, for people and for Prometheus; counted once for all who ask at a time."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from wayside_events.contracts.jobs import QueueFigures, QueueFiguresPage, TypeFigures
from wayside_jobs.domain.errors import QueueNotFound
from wayside_jobs.domain.statistics import Tally, window
from wayside_jobs.store.statistics import Number, QueueRow, Snapshot, Stats
from wayside_service.errors import Unavailable

FRESH_SECONDS = 1.0
COST_SHARE = 20
"""A count is used for twenty times as long as it took, so that counting takes a twentieth of a connection at most."""

FRESH_SECONDS_LIMIT = 60.0

OLDEST_SECONDS = 300.0
"""While counting fails, how old a count may be that is still shown."""

_SHORT, _LONG = 5, 60
_STATES: Final = ("ready", "scheduled", "running")

_Key = tuple[str, str]
"""A queue and a type."""

log = structlog.get_logger("wayside_jobs.figures")


class Count:
    """The newest snapshot; it is taken anew when somebody asks and it is no longer fresh."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats
        self._snapshot: Snapshot | None = None
        self._taken_at = 0.0
        self._fresh_until = 0.0
        self._taking: asyncio.Task[Snapshot] | None = None

    async def get(self) -> Snapshot:
        """Return a snapshot, taken now if need be. Raises `Unavailable` when counting fails and none is young enough."""
        if (recent := self._recent()) is not None and self._now() < self._fresh_until:
            return recent
        try:
            self._begin()
            assert self._taking is not None
            return await asyncio.shield(self._taking)
        except Unavailable:
            if (recent := self._recent()) is None:
                raise
            return recent

    def newest(self) -> Snapshot | None:
        """Return the newest snapshot without waiting; when it is not fresh the next one is begun."""
        if self._now() >= self._fresh_until:
            self._begin()
        return self._snapshot

    async def close(self) -> None:
        """Give up a count that is under way."""
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.wait([self._taking])

    def _recent(self) -> Snapshot | None:
        """Return the newest snapshot unless it is too old to be shown."""
        return self._snapshot if self._now() - self._taken_at <= OLDEST_SECONDS else None

    def _begin(self) -> None:
        if self._taking is None:
            self._taking = asyncio.create_task(self._count(), name="count")
            self._taking.add_done_callback(self._taken)

    async def _count(self) -> Snapshot:
        begun = self._now()
        snapshot = await self._stats.snapshot(minutes=_LONG)
        self._snapshot, self._taken_at = snapshot, self._now()
        cost = COST_SHARE * (self._taken_at - begun)
        self._fresh_until = self._taken_at + min(max(FRESH_SECONDS, cost), FRESH_SECONDS_LIMIT)
        return snapshot

    def _taken(self, task: asyncio.Task[Snapshot]) -> None:
        self._taking = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fresh_until = self._now() + FRESH_SECONDS
            log.info("not_counted", error=str(error))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class Figures:
    """What is told of queues: orders as they are now, numbers as they were counted last.

    `scopes` are those whose jobs are shown, `None` is all. What became of jobs is counted over all scopes together, so
    that it is shown only with all; the orders concern everybody.
    """

    def __init__(self, count: Count, stats: Stats) -> None:
        self._count = count
        self._stats = stats
        self._known: tuple[Snapshot, dict[str, QueueFigures]] | None = None

    async def page(self, scopes: Collection[str] | None, *, after: str, limit: int) -> QueueFiguresPage:
        """Return queues by name: those that are in use, were within the hour, or that a type or an order names."""
        queues = await self._queues(scopes)
        names = sorted(name for name in queues if name > after)
        return QueueFiguresPage(
            items=tuple(queues[name] for name in names[:limit]),
            next_page=names[limit - 1] if len(names) > limit else None,
        )

    async def one(self, name: str, scopes: Collection[str] | None) -> QueueFigures:
        """Return one queue; raises `QueueNotFound`."""
        queue = (await self._queues(scopes)).get(name)
        if queue is None:
            raise QueueNotFound(name)
        return queue

    async def _queues(self, scopes: Collection[str] | None) -> dict[str, QueueFigures]:
        snapshot, orders = await self._count.get(), await self._stats.queues()
        counted = self._counted(snapshot) if scopes is None else _figures_of(snapshot, scopes)
        empty = QueueFigures(name="", all_scopes=scopes is None, counted_at=snapshot.counted_at)
        return counted | {order.name: _ordered(counted.get(order.name, empty), order) for order in orders}

    def _counted(self, snapshot: Snapshot) -> dict[str, QueueFigures]:
        """Work out each snapshot once."""
        if self._known is None or self._known[0] is not snapshot:
            self._known = snapshot, _figures(snapshot)
        return self._known[1]


def _ordered(queue: QueueFigures, order: QueueRow) -> QueueFigures:
    return queue.model_copy(update={**asdict(order), "is_paused": order.paused_at is not None})


def _figures(snapshot: Snapshot) -> dict[str, QueueFigures]:
    """Of all scopes, with what became of jobs."""
    tallies: dict[_Key, list[tuple[datetime, Tally]]] = defaultdict(list)
    for place, tally in snapshot.tallies.items():
        tallies[place.queue, place.type].append((place.minute, tally))
    numbers = _by_type(snapshot.numbers)
    now = snapshot.counted_at
    types = {
        key: _type(key, numbers[key]).model_copy(
            update={
                "last_5_minutes": window(tallies[key], minutes=_SHORT, now=now),
                "last_60_minutes": window(tallies[key], minutes=_LONG, now=now),
            }
        )
        for key in numbers.keys() | tallies.keys()
    }
    return _by_queue(types, snapshot.numbers, now, all_scopes=True)


def _figures_of(snapshot: Snapshot, scopes: Collection[str]) -> dict[str, QueueFigures]:
    """Of some scopes: what there is."""
    numbers = [number for scope in scopes for number in snapshot.by_scope.get(scope, ())]
    types = {key: _type(key, found) for key, found in _by_type(numbers).items()}
    return _by_queue(types, numbers, snapshot.counted_at, all_scopes=False)


def _by_type(numbers: Iterable[Number]) -> dict[_Key, list[Number]]:
    found: dict[_Key, list[Number]] = defaultdict(list)
    for number in numbers:
        found[number.queue, number.type].append(number)
    return found


def _type(key: _Key, numbers: Sequence[Number]) -> TypeFigures:
    counts = dict.fromkeys(_STATES, 0)
    for number in numbers:
        counts[number.state] += number.number
    return TypeFigures.model_validate({"type": key[1], **counts})


def _by_queue(
    types: Mapping[_Key, TypeFigures], numbers: Sequence[Number], now: datetime, *, all_scopes: bool
) -> dict[str, QueueFigures]:
    by_queue: dict[str, list[TypeFigures]] = defaultdict(list)
    for queue, job_type in sorted(types):
        by_queue[queue].append(types[queue, job_type])
    oldest = oldest_seconds(numbers, now)
    return {
        name: QueueFigures(
            name=name,
            all_scopes=all_scopes,
            **{state: sum(getattr(item, state) for item in items) for state in _STATES},
            oldest_waiting_seconds=oldest.get(name),
            types=tuple(items),
            counted_at=now,
        )
        for name, items in by_queue.items()
    }


def oldest_seconds(numbers: Iterable[Number], now: datetime) -> dict[str, float]:
    """How long the first ready job of each queue has waited."""
    oldest: dict[str, datetime] = {}
    for number in numbers:
        if number.oldest is not None:
            oldest[number.queue] = min(oldest.get(number.queue, number.oldest), number.oldest)
    return {name: max((now - since).total_seconds(), 0.0) for name, since in oldest.items()}


class QueueCollector(Collector):
    """Gauges of queues. A scrape never waits: it gets the newest count there is, and has the next one begun.

    All instances say the same: take the maximum over them, not the sum.
    """

    def __init__(self, count: Count, registry: CollectorRegistry) -> None:
        self._count = count
        registry.register(self)

    def describe(self) -> Iterator[Metric]:
        """Nothing: or the registry would collect at once, when nothing runs yet."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Return the gauges."""
        snapshot = self._count.newest()
        if snapshot is None:
            return
        jobs = GaugeMetricFamily(
            "wayside_jobs_queue_jobs", "Jobs that have not ended.", labels=("queue", "type", "state")
        )
        totals = Counter[tuple[str, str, str]]()
        for number in snapshot.numbers:
            totals[number.queue, number.type, number.state] += number.number
        for labels, total in totals.items():
            jobs.add_metric(labels, total)
        oldest = GaugeMetricFamily(
            "wayside_jobs_queue_oldest_seconds",
            "How long the first of a queue has waited.",
            labels=("queue",),
        )
        for name, seconds in oldest_seconds(snapshot.numbers, snapshot.counted_at).items():
            oldest.add_metric((name,), seconds)
        counted = GaugeMetricFamily(
            "wayside_jobs_queue_counted_timestamp_seconds", "When queues were counted."
        )
        counted.add_metric((), snapshot.counted_at.timestamp())
        yield from (jobs, oldest, counted)
