"""HTTP: parse, call, render."""

from typing import Final

from wayside_jobs.routes import job_types, jobs

ROUTES: Final = (*jobs.routes, *job_types.routes)
"""Every route of the jobs service."""
