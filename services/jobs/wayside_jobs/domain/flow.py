"""How many jobs may run at once, and which of those that are ready fit; pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from wayside_jobs.domain.claims import ReadyJob

Key = str
"""A queue or a job type, or one in a scope, as `queue default acme`: names have no spaces."""


def queue_key(name: str) -> Key:
    """Return the key of a queue."""
    return f"queue {name}"


def type_key(name: str) -> Key:
    """Return the key of a job type."""
    return f"type {name}"


class Running(NamedTuple):
    """How many jobs of a queue, type and scope run."""

    queue: str
    type: str
    scope: str
    number: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Most jobs that may run at once, of queues and types: of all scopes together, and of each."""

    total: Mapping[Key, int] = field(default_factory=dict)
    per_scope: Mapping[Key, int] = field(default_factory=dict)

    def keys_of(self, queues: Iterable[str], job_types: Iterable[str]) -> list[Key]:
        """Return which of these queues and types have a limit, in one order for all."""
        keys = {*map(queue_key, queues), *map(type_key, job_types)}
        return sorted(key for key in keys if key in self.total or key in self.per_scope)


class Pairs(NamedTuple):
    """Queues and types, in pairs."""

    queues: Sequence[str]
    job_types: Sequence[str]


class Search(NamedTuple):
    """Where a claim looks, and for how many jobs at most: in all, and of each queue, type and scope."""

    pairs: Pairs
    limit: int
    limit_per_place: int
    full: Sequence[Key] = ()
    """Queues and types in scopes that have no room."""


class Room:
    """What is left under limits. `running` must be all jobs that run in what the limits are about."""

    def __init__(self, limits: Limits, running: Iterable[Running]) -> None:
        self._limits = limits
        self._counts: Counter[Key] = Counter()
        for row in running:
            self._add(row.queue, row.type, row.scope, row.number)

    def search(self, pairs: Pairs, limit: int) -> Search:
        """Return where there is room; of no place more than can fit is asked for."""
        names = zip(pairs.queues, pairs.job_types, strict=True)
        opened = [pair for pair in names if self._left(*pair) > 0]
        queues, job_types = [queue for queue, _ in opened], [job_type for _, job_type in opened]
        most = sum(self._left_of(queue, opened) for queue in set(queues))
        per_place = max((self._per_scope(*pair) for pair in opened), default=0)
        return Search(
            Pairs(queues, job_types), int(min(limit, most)), int(min(limit, per_place)), self._full()
        )

    def admit(self, jobs: Iterable[ReadyJob]) -> list[ReadyJob]:
        """Return the jobs that fit, in their order; they take their room."""
        return [job for job in jobs if self._take(job)]

    def _take(self, job: ReadyJob) -> bool:
        for key in (queue_key(job.queue), type_key(job.type)):
            if self._counts[key] >= self._limits.total.get(key, inf):
                return False
            if self._counts[f"{key} {job.scope}"] >= self._limits.per_scope.get(key, inf):
                return False
        self._add(job.queue, job.type, job.scope, 1)
        return True

    def _add(self, queue: str, job_type: str, scope: str, count: int) -> None:
        for key in (queue_key(queue), type_key(job_type)):
            self._counts[key] += count
            self._counts[f"{key} {scope}"] += count

    def _left(self, queue: str, job_type: str) -> float:
        keys = (queue_key(queue), type_key(job_type))
        return min(self._limits.total.get(key, inf) - self._counts[key] for key in keys)

    def _left_of(self, queue: str, pairs: Iterable[tuple[str, str]]) -> float:
        of_types = sum(self._left(*pair) for pair in pairs if pair[0] == queue)
        key = queue_key(queue)
        return min(of_types, self._limits.total.get(key, inf) - self._counts[key])

    def _per_scope(self, queue: str, job_type: str) -> float:
        return min(self._limits.per_scope.get(key, inf) for key in (queue_key(queue), type_key(job_type)))

    def _full(self) -> list[Key]:
        per_scope = self._limits.per_scope
        return [key for key, count in self._counts.items() if count >= per_scope.get(_within(key), inf)]


def _within(key: Key) -> Key:
    """Return the queue or type of a key that names a scope too; of another, a key that has no limit."""
    return key.rpartition(" ")[0]
