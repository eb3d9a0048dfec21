"""HTTP: parse, call, render."""

from typing import Final

from wayside_jobs.routes import (
    batch,
    bulk,
    canceling,
    job_types,
    jobs,
    logs,
    queues,
    reading,
    retrying,
    runners,
    statistics,
    workers,
)

ROUTES: Final = (
    *batch.routes,
    *jobs.routes,
    *reading.routes,
    *bulk.routes,
    *canceling.routes,
    *retrying.routes,
    *logs.routes,
    *job_types.routes,
    *queues.routes,
    *workers.routes,
    *runners.routes,
    *statistics.routes,
)
"""Every route of the jobs service."""
