"""When a running job may be done, if it goes on as it did."""

from datetime import datetime, timedelta

import orjson

from wayside_events.jobs import JobStatus
from wayside_jobs.domain.job import NO_PROGRESS, Job

_LIMIT_SECONDS = 366 * 86_400.0
"""What would take longer than a year is not foreseen."""


def eta(job: Job) -> datetime | None:
    """Extrapolate from the attempt's beginning and its percentage at the last change; only while it runs.

    It depends on the job alone, not on the time at which it is asked for: a revision has one estimate.
    """
    if job.status is not JobStatus.RUNNING or job.started_at is None or job.progress == NO_PROGRESS:
        return None
    percent = orjson.loads(job.progress).get("percent") or 0.0
    if percent <= 0:
        return None
    taken = (job.updated_at - job.started_at).total_seconds()
    seconds = taken * 100 / percent
    return job.started_at + timedelta(seconds=seconds) if seconds <= _LIMIT_SECONDS else None
