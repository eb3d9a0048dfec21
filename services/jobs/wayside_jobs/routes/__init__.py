"""HTTP: parse, call, render."""

from typing import Final

from wayside_jobs.routes import (
    bulk,
    canceling,
    job_types,
    jobs,
    logs,
    queues,
    reading,
    retrying,
    statistics,
    workers,
)

ROUTES: Final = (
    *jobs.routes,
    *reading.routes,
    *bulk.routes,
    *canceling.routes,
    *retrying.routes,
    *logs.routes,
    *job_types.routes,
    *queues.routes,
    *workers.routes,
    *statistics.routes,
)
"""Every route of the jobs service."""
