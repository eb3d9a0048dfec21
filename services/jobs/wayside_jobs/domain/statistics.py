"""Counts of what happened in a minute, and what they tell about a time."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from wayside_events.contracts.jobs import Window
from wayside_events.jobs import JobMode, QueuedReason
from wayside_jobs.domain.facts import Canceled, Completed, Failed, Queued, Started
from wayside_jobs.domain.job import Change

PICKUP_BOUNDS: Final = tuple(0.001 * 2 ** (n / 2) for n in range(48))
"""Upper bounds in seconds, 1 ms to 3.3 hours, each 1.4 times the one before. Stored counts have one more, for what is longer."""

RUN_BOUNDS: Final = tuple(0.01 * 2 ** (n / 2) for n in range(50))
"""10 ms to 66 hours."""


class Place(NamedTuple):
    """What is counted together: a minute (by the database's clock), a queue, a type."""

    minute: datetime
    queue: str
    type: str


def _no_pickups() -> list[int]:
    return [0] * (len(PICKUP_BOUNDS) + 1)


def _no_runs() -> list[int]:
    return [0] * (len(RUN_BOUNDS) + 1)


@dataclass(slots=True)
class Tally:
    """Counts; it grows in place."""

    created: int = 0
    claimed: int = 0
    completed: int = 0
    failed: int = 0
    canceled: int = 0
    pickup_seconds: float = 0.0
    pickup_max_seconds: float = 0.0
    run_seconds: float = 0.0
    run_max_seconds: float = 0.0
    pickup_buckets: list[int] = field(default_factory=_no_pickups)
    run_buckets: list[int] = field(default_factory=_no_runs)

    def picked_up(self, seconds: float) -> None:
        """Count a claim after a wait."""
        self.claimed += 1
        self.pickup_seconds += max(seconds, 0.0)
        self.pickup_max_seconds = max(self.pickup_max_seconds, seconds)
        self.pickup_buckets[bisect_left(PICKUP_BOUNDS, seconds)] += 1

    def ran(self, seconds: float) -> None:
        """Count the time of a last attempt."""
        self.run_seconds += seconds
        self.run_max_seconds = max(self.run_max_seconds, seconds)
        self.run_buckets[bisect_left(RUN_BOUNDS, seconds)] += 1


def sum_of(tallies: Sequence[Tally]) -> Tally:
    """Add tallies up."""
    if not tallies:
        return Tally()
    return Tally(
        created=sum(tally.created for tally in tallies),
        claimed=sum(tally.claimed for tally in tallies),
        completed=sum(tally.completed for tally in tallies),
        failed=sum(tally.failed for tally in tallies),
        canceled=sum(tally.canceled for tally in tallies),
        pickup_seconds=sum(tally.pickup_seconds for tally in tallies),
        pickup_max_seconds=max(tally.pickup_max_seconds for tally in tallies),
        run_seconds=sum(tally.run_seconds for tally in tallies),
        run_max_seconds=max(tally.run_max_seconds for tally in tallies),
        pickup_buckets=list(map(sum, zip(*(tally.pickup_buckets for tally in tallies), strict=True))),
        run_buckets=list(map(sum, zip(*(tally.run_buckets for tally in tallies), strict=True))),
    )


COUNTED: Final = frozenset({Queued, Started, Completed, Failed, Canceled})
"""The facts that `count` looks at; claims are counted by `Tally.picked_up`."""


def count(tally: Tally, change: Change) -> None:
    """Count a committed change, other than a claim; by the exact class of its fact, for it is done for every change."""
    job, fact = change.job, change.fact
    kind = type(fact)
    if kind is Completed:
        tally.completed += 1
    elif kind is Failed:
        tally.failed += 1
    elif kind is Canceled:
        tally.canceled += 1
    else:
        is_new = isinstance(fact, Queued) and fact.reason is QueuedReason.CREATED
        tally.created += is_new or (kind is Started and job.mode is JobMode.TRACKED)
        return
    if (duration_seconds := job.duration_seconds) is not None:
        tally.ran(duration_seconds)


def quantile(
    bounds: Sequence[float], buckets: Sequence[int], share: float, *, maximum: float
) -> float | None:
    """Return the value below which `share` of the counted ones lie, taking them as evenly spread in their bucket.

    The bucket of the largest one ends there, so that no percentile exceeds it. `None` without any.
    """
    total = sum(buckets)
    if total == 0:
        return None
    rank, below = share * total, 0
    for lower, upper, number in zip((0.0, *bounds), (*bounds, maximum), buckets, strict=True):
        if number and below + number >= rank:
            inside = max(min(upper, maximum) - lower, 0.0) * max(rank - below, 0.0) / number
            return min(lower + inside, maximum)
        below += number
    return maximum


def window(tallies: Iterable[tuple[datetime, Tally]], *, minutes: int, now: datetime) -> Window:
    """Add up the tallies of the last minutes, the one that has just begun among them."""
    start = now.replace(second=0, microsecond=0) - timedelta(minutes=minutes - 1)
    total = sum_of([tally for minute, tally in tallies if minute >= start])
    judged = total.completed + total.failed
    ended = judged + total.canceled
    elapsed_minutes = max((now - start).total_seconds(), 1.0) / 60
    return Window(
        minutes=minutes,
        created=total.created,
        claimed=total.claimed,
        completed=total.completed,
        failed=total.failed,
        canceled=total.canceled,
        ended_per_minute=ended / elapsed_minutes,
        failure_rate=total.failed / judged if judged else None,
        pickup_mean_seconds=_mean(total.pickup_seconds, total.pickup_buckets),
        pickup_p50_seconds=_pickup(total, 0.5),
        pickup_p95_seconds=_pickup(total, 0.95),
        pickup_max_seconds=total.pickup_max_seconds if any(total.pickup_buckets) else None,
        run_mean_seconds=_mean(total.run_seconds, total.run_buckets),
        run_p50_seconds=_run(total, 0.5),
        run_p95_seconds=_run(total, 0.95),
        run_max_seconds=total.run_max_seconds if any(total.run_buckets) else None,
    )


def _pickup(total: Tally, share: float) -> float | None:
    return quantile(PICKUP_BOUNDS, total.pickup_buckets, share, maximum=total.pickup_max_seconds)


def _run(total: Tally, share: float) -> float | None:
    return quantile(RUN_BOUNDS, total.run_buckets, share, maximum=total.run_max_seconds)


def _mean(total: float, buckets: Sequence[int]) -> float | None:
    number = sum(buckets)
    return total / number if number else None
