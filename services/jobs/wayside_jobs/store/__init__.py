"""The only place that speaks to PostgreSQL; runs the named statements of `queries/`."""

from wayside_jobs.store.family import Family
from wayside_jobs.store.reporting import Completion, Reported, Reports
from wayside_jobs.store.store import Store
from wayside_jobs.store.unit import KeyUse, Locked, NewJob, Ready, ReadyJob, Unit

__all__ = [
    "Completion",
    "Family",
    "KeyUse",
    "Locked",
    "NewJob",
    "Ready",
    "ReadyJob",
    "Reported",
    "Reports",
    "Store",
    "Unit",
]
