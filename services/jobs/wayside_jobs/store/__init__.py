"""The only place that speaks to PostgreSQL; runs the named statements of `queries/`."""

from wayside_jobs.store.claims import Attempt, Claims, Found
from wayside_jobs.store.creating import NO_GATE, Creations, Gate, NewJob
from wayside_jobs.store.family import Family
from wayside_jobs.store.reporting import Completion, Reported, Reports
from wayside_jobs.store.store import Store
from wayside_jobs.store.uniques import Period, UniqueName, Uniques
from wayside_jobs.store.unit import KeyUse, Locked, Unit

__all__ = [
    "NO_GATE",
    "Attempt",
    "Claims",
    "Completion",
    "Creations",
    "Family",
    "Found",
    "Gate",
    "KeyUse",
    "Locked",
    "NewJob",
    "Period",
    "Reported",
    "Reports",
    "Store",
    "UniqueName",
    "Uniques",
    "Unit",
]
