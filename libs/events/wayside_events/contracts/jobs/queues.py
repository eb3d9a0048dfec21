"""Queues: how many of their jobs may run at once, and whether they are paused."""

from pydantic import Field

from wayside_events.contracts.jobs.job_types import ConcurrencyLimit, QueueName
from wayside_events.contracts.model import Reply, Request
from wayside_events.envelope import Timestamp


class QueueLimits(Request):
    """How many jobs of a queue may run at once: of all scopes together, and of each scope. None means no limit."""

    concurrency_limit: ConcurrencyLimit | None = None
    concurrency_limit_per_scope: ConcurrencyLimit | None = None


class PauseBody(Request):
    """Why a queue is paused."""

    reason: str | None = Field(default=None, max_length=1_000)


class QueueSettings(Reply):
    """What was set of a queue. While it is paused none of its jobs is claimed; those that run go on."""

    name: QueueName
    concurrency_limit: int | None = None
    concurrency_limit_per_scope: int | None = None
    is_paused: bool = False
    paused_at: Timestamp | None = None
    paused_by: str | None = None
    pause_reason: str | None = None
    updated_at: Timestamp
