"""The only place that speaks to PostgreSQL; runs the named statements of `queries/`."""

from wayside_jobs.store.claims import Attempt, Claims, Found
from wayside_jobs.store.family import Family
from wayside_jobs.store.reporting import Completion, Reported, Reports
from wayside_jobs.store.store import Store
from wayside_jobs.store.uniques import Period, Uniques
from wayside_jobs.store.unit import KeyUse, Locked, NewJob, Unit

__all__ = [
    "Attempt",
    "Claims",
    "Completion",
    "Family",
    "Found",
    "KeyUse",
    "Locked",
    "NewJob",
    "Period",
    "Reported",
    "Reports",
    "Store",
    "Uniques",
    "Unit",
]
