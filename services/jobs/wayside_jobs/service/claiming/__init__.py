"""Claims: who waits for work, what there is, and who gets what."""

from wayside_jobs.service.claiming.desk import ClaimDesk

__all__ = ["ClaimDesk"]
