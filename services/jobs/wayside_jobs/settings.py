"""What can be set of the jobs service, besides what every service has."""

from typing import Annotated

from pydantic import Field

from wayside_service.settings import DatabaseSettings


class JobsSettings(DatabaseSettings):
    """Read from `WAYSIDE_…` variables by `__main__`."""

    claim_backstop_seconds: Annotated[float, Field(gt=0)] = 1.0
    """How often a claim that waits looks for work that nobody announced."""

    sweep_interval_seconds: Annotated[float, Field(gt=0)] = 0.5
    """How late an attempt may be ended that is lost or overdue."""

    family_depth_limit: Annotated[int, Field(ge=1, le=100)] = 20
    """How many generations of children a tree of jobs may have below its root."""

    family_children_limit: Annotated[int, Field(ge=1)] = 10_000
    """How many children a job may have."""

    log_entries_limit: Annotated[int, Field(ge=1)] = 10_000
    """Log entries kept per job; older ones are dropped."""
