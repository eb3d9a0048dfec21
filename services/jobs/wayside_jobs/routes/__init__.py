"""HTTP: parse, call, render."""

from typing import Final

from wayside_jobs.routes import canceling, job_types, jobs, logs, reading, retrying, workers

ROUTES: Final = (
    *jobs.routes,
    *reading.routes,
    *canceling.routes,
    *retrying.routes,
    *logs.routes,
    *job_types.routes,
    *workers.routes,
)
"""Every route of the jobs service."""
