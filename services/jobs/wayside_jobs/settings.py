"""What can be set of the jobs service, besides what every service has."""

from typing import Annotated

from pydantic import Field

from wayside_service.settings import DatabaseSettings


class JobsSettings(DatabaseSettings):
    """Read from `WAYSIDE_…` variables by `__main__`."""

    claim_backstop_seconds: Annotated[float, Field(gt=0)] = 1.0
    """How often a claim that waits looks for work that nobody announced."""

    rollup_backstop_seconds: Annotated[float, Field(gt=0)] = 5.0
    """How often running parents are compared with their children, of which nobody may have told them."""

    sweep_interval_seconds: Annotated[float, Field(gt=0)] = 0.5
    """How late an attempt may be ended that is lost or overdue."""

    family_depth_limit: Annotated[int, Field(ge=1, le=100)] = 20
    """How many generations of children a tree of jobs may have below its root."""

    family_children_limit: Annotated[int, Field(ge=1)] = 10_000
    """How many children a job may have."""

    log_entries_limit: Annotated[int, Field(ge=1)] = 10_000
    """Log entries kept per job at least, and a tenth more at most; older ones are dropped."""

    log_bytes_limit: Annotated[int, Field(ge=1)] = 8 * 2**20
    """Bytes of messages and contexts kept per job; a tenth more before older entries are dropped."""

    default_ttl_seconds: Annotated[float | None, Field(gt=0)] = None
    """How long finished jobs are kept whose type does not say it; for ever when it is not set."""
