"""HTTP: parse, call, render."""

from typing import Final

from wayside_jobs.routes import job_types, jobs, workers

ROUTES: Final = (*jobs.routes, *job_types.routes, *workers.routes)
"""Every route of the jobs service."""
