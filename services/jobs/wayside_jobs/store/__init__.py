"""The only place that speaks to PostgreSQL; runs the named statements of `queries/`."""

from wayside_jobs.store.family import Family
from wayside_jobs.store.store import Store
from wayside_jobs.store.unit import KeyUse, Locked, NewJob, Ready, ReadyJob, Unit

__all__ = ["Family", "KeyUse", "Locked", "NewJob", "Ready", "ReadyJob", "Store", "Unit"]
