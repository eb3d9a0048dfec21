"""What is measured of jobs."""

from collections import Counter as Count
from collections.abc import Iterable, Sequence
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from wayside_jobs.domain.claims import Claimed
from wayside_jobs.domain.facts import Canceled, Completed, Failed, Started
from wayside_jobs.domain.job import Change

_DELAYS = (0.001, 0.002, 0.003, 0.005, 0.008, 0.015, 0.03, 0.06, 0.125, 0.25, 0.5, 1, 5, 30, 300, 3600)
_DURATIONS = (0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


class JobsMetrics:
    """Metrics of one instance, in the application's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.facts = Counter(
            "wayside_jobs_changes", "Visible changes of jobs.", ("type", "fact"), registry=registry
        )
        self.reports = Counter(
            "wayside_jobs_reports", "Reports of runners.", ("kind", "outcome"), registry=registry
        )
        self.report_batch = Histogram(
            "wayside_jobs_report_batch", "Reports in one transaction.", buckets=_SIZES, registry=registry
        )
        self.claims = Counter("wayside_jobs_claims", "Claims answered.", ("found",), registry=registry)
        self.parked = Gauge("wayside_jobs_claims_parked", "Claims that wait for work.", registry=registry)
        self.pickup_seconds = Histogram(
            "wayside_jobs_pickup_seconds",
            "From the moment a job could be claimed to its claim.",
            buckets=_DELAYS,
            registry=registry,
        )
        run_seconds = Histogram(
            "wayside_jobs_run_seconds",
            "How long the last attempt of a job took.",
            ("type", "status"),
            buckets=_DURATIONS,
            registry=registry,
        )
        # To look a label up costs more than to observe.
        self._run_seconds = lru_cache(maxsize=1_000)(run_seconds.labels)
        self.backstop_hits = Counter(
            "wayside_jobs_backstop_hits",
            "Times the backstop poll found work that nobody woke a claim for.",
            registry=registry,
        )
        self.awaits_parked = Gauge(
            "wayside_jobs_awaits_parked", "Requests that wait for jobs to end.", registry=registry
        )
        self.await_backstop_hits = Counter(
            "wayside_jobs_await_backstop_hits",
            "Jobs the backstop poll found ended that nobody told those who wait of.",
            registry=registry,
        )
        self.rollup_backstop_hits = Counter(
            "wayside_jobs_rollup_backstop_hits",
            "Parents the backstop poll found that nobody told of their children.",
            registry=registry,
        )
        self.swept = Counter("wayside_jobs_swept", "Jobs a sweeper changed.", ("verb",), registry=registry)

    def count_reports(self, reports: Iterable[tuple[str, str]]) -> None:
        """Count reports by kind and outcome."""
        for labels, number in Count(reports).items():
            self.reports.labels(*labels).inc(number)

    def count(self, changes: Sequence[Change]) -> None:
        """Count committed changes."""
        facts = Count((change.job.type, type(change.fact)) for change in changes)
        for (job_type, fact), number in facts.items():
            self.facts.labels(job_type, fact.__name__.lower()).inc(number)
        for change in changes:
            job = change.job
            match change.fact:
                case Started() if job.started_at is not None:
                    self.pickup_seconds.observe((job.started_at - job.run_at).total_seconds())
                case Completed() | Failed() | Canceled() if job.duration_seconds is not None:
                    self._run_seconds(job.type, job.status).observe(job.duration_seconds)
                case _:
                    pass

    def count_claimed(self, jobs: Sequence[Claimed]) -> None:
        """Count jobs that were given to runners."""
        for job_type, number in Count(job.type for job in jobs).items():
            self.facts.labels(job_type, "started").inc(number)
        for job in jobs:
            self.pickup_seconds.observe((job.started_at - job.run_at).total_seconds())
