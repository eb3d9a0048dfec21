"""Counting the children of jobs."""

from collections import defaultdict

from wayside_events.jobs import Children, JobStatus
from wayside_jobs.domain.states import TERMINAL


class Census:
    """Adds up how many children each parent has in each status."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[JobStatus, int]] = defaultdict(dict)
        self._percents: dict[str, float] = defaultdict(float)

    def add(self, parent_id: str, status: str, number: int, percents: float | None) -> None:
        """Note the children of one status, and the sum of their percentages when they run."""
        counted = JobStatus(status)
        self._numbers[parent_id][counted] = number
        self._percents[parent_id] += 100.0 * number if counted in TERMINAL else percents or 0.0

    def children(self) -> dict[str, Children]:
        """Return the counts and the mean, by parent. One that has ended, however, is all done; one that waits is not begun."""
        return {parent_id: self._of(parent_id) for parent_id in self._numbers}

    def _of(self, parent_id: str) -> Children:
        numbers = self._numbers[parent_id]
        total = sum(numbers.values())
        counts = {status.value: numbers.get(status, 0) for status in JobStatus}
        return Children(total=total, percent=round(self._percents[parent_id] / total, 2), **counts)
