"""How queues are doing, for people and for Prometheus; counted once for all who ask at a time."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from wayside_events.contracts.jobs import QueueFigures, QueueFiguresPage, TypeFigures
from wayside_jobs.domain.errors import QueueNotFound
from wayside_jobs.domain.statistics import Place, Tally, window
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
        if self._snapshot is not None and self._now() < self._fresh_until:
            return self._snapshot
        try:
            self._begin()
            assert self._taking is not None
            return await asyncio.shield(self._taking)
        except Unavailable:
            if self._snapshot is None or self._now() - self._taken_at > OLDEST_SECONDS:
                raise
            return self._snapshot

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
    """What is told of queues: orders as they are now, numbers as they were counted last."""

    def __init__(self, count: Count, stats: Stats) -> None:
        self._count = count
        self._stats = stats

    async def page(self, *, after: str, limit: int) -> QueueFiguresPage:
        """Return queues by name: those that are in use, were within the hour, or that a type or an order names."""
        snapshot, orders = await self._count.get(), await self._orders()
        names = [name for name in _names(snapshot, orders) if name > after]
        return QueueFiguresPage(
            items=_figures(snapshot, orders, names[:limit]),
            next_page=names[limit - 1] if len(names) > limit else None,
        )

    async def one(self, name: str) -> QueueFigures:
        """Return one queue; raises `QueueNotFound`."""
        snapshot, orders = await self._count.get(), await self._orders()
        if name not in _names(snapshot, orders):
            raise QueueNotFound(name)
        return _figures(snapshot, orders, [name])[0]

    async def _orders(self) -> dict[str, QueueRow]:
        return {row.name: row for row in await self._stats.queues()}


def _names(snapshot: Snapshot, orders: Collection[str]) -> list[str]:
    filled = {number.queue for number in snapshot.numbers}
    return sorted(filled.union(orders) | {place.queue for place in snapshot.tallies})


def _figures(
    snapshot: Snapshot, orders: Mapping[str, QueueRow], names: Sequence[str]
) -> tuple[QueueFigures, ...]:
    numbers: dict[str, list[Number]] = defaultdict(list)
    for number in snapshot.numbers:
        numbers[number.queue].append(number)
    tallies: dict[str, dict[Place, Tally]] = defaultdict(dict)
    for place, tally in snapshot.tallies.items():
        tallies[place.queue][place] = tally
    return tuple(
        _queue(name, orders.get(name), numbers[name], tallies[name], snapshot.counted_at) for name in names
    )


def _queue(
    name: str,
    order: QueueRow | None,
    numbers: Sequence[Number],
    tallies: Mapping[Place, Tally],
    counted_at: datetime,
) -> QueueFigures:
    oldest = min((number.oldest for number in numbers if number.oldest), default=None)
    types = sorted({number.type for number in numbers} | {place.type for place in tallies})
    ordered: dict[str, Any] = {"name": name} if order is None else asdict(order)
    return QueueFigures(
        **ordered,
        **_totals(numbers),
        is_paused=order is not None and order.paused_at is not None,
        oldest_waiting_seconds=max((counted_at - oldest).total_seconds(), 0.0) if oldest else None,
        types=tuple(_type(job_type, numbers, tallies, counted_at) for job_type in types),
        counted_at=counted_at,
    )


def _type(
    job_type: str, numbers: Sequence[Number], tallies: Mapping[Place, Tally], now: datetime
) -> TypeFigures:
    own = [(place.minute, tally) for place, tally in tallies.items() if place.type == job_type]
    return TypeFigures(
        type=job_type,
        **_totals([number for number in numbers if number.type == job_type]),
        last_5_minutes=window(own, minutes=_SHORT, now=now),
        last_60_minutes=window(own, minutes=_LONG, now=now),
    )


def _totals(numbers: Sequence[Number]) -> dict[str, Any]:
    return {state: sum(item.number for item in numbers if item.state == state) for state in _STATES}


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
        for number in snapshot.numbers:
            jobs.add_metric((number.queue, number.type, number.state), number.number)
        oldest = GaugeMetricFamily(
            "wayside_jobs_queue_oldest_seconds",
            "How long the first of a queue has waited.",
            labels=("queue",),
        )
        for queue in _figures(snapshot, {}, _names(snapshot, ())):
            oldest.add_metric((queue.name,), queue.oldest_waiting_seconds or 0.0)
        counted = GaugeMetricFamily(
            "wayside_jobs_queue_counted_timestamp_seconds", "When queues were counted."
        )
        counted.add_metric((), snapshot.counted_at.timestamp())
        yield from (jobs, oldest, counted)
