"""Claims: who waits for work, what there is, and who gets what."""

from wayside_jobs.service.claiming.desk import ClaimDesk
from wayside_jobs.service.claiming.promising import Promise

__all__ = ["ClaimDesk", "Promise"]
