"""The estimate of when a running job may be done."""

import pytest
from tests.jobs.samples import after, completed, queued, running

from wayside_events.jobs import Progress
from wayside_jobs.domain import verbs
from wayside_jobs.domain.eta import eta
from wayside_jobs.domain.job import Job


def at(percent: float, seconds: float) -> Job:
    """A job that has come so far after so long."""
    return verbs.progress(running(), Progress(percent=percent), None, seq=1, now=after(seconds)).job


@pytest.mark.parametrize(("percent", "seconds", "expected"), [(50, 10, 20), (25, 1, 4), (99, 99, 100)])
def test_a_job_goes_on_as_it_did(percent: float, seconds: float, expected: float) -> None:
    assert eta(at(percent, seconds)) == after(expected)


def test_without_progress_nothing_is_foreseen() -> None:
    assert eta(running()) is None
    assert eta(at(0, 10)) is None


def test_only_what_runs_has_an_estimate() -> None:
    assert eta(queued()) is None
    assert eta(completed()) is None


def test_what_would_take_longer_than_a_year_is_not_foreseen() -> None:
    assert eta(at(0.001, 86_400)) is None
