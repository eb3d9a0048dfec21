"""The Wayside SDK: run handlers as a worker, track operations of your own process, follow their events."""

from wayside.client.client import Client
from wayside.client.streams import Reset, Snapshot
from wayside.context import Context, ThreadContext
from wayside.errors import (
    AlreadyTracked,
    Conflict,
    CursorReset,
    Forbidden,
    HandlerStopped,
    InvalidHandler,
    InvalidRequest,
    JobCanceled,
    NonRetryable,
    NotFound,
    ProblemError,
    ServiceFailed,
    Stop,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    WaysideError,
)
from wayside.proposing import Proposal
from wayside.tracking.track import TrackedJob, track
from wayside.tracking.tracker import Tracker, TrackerSettings
from wayside.worker.shift import Patience
from wayside.worker.worker import Worker

__all__ = [
    "AlreadyTracked",
    "Client",
    "Conflict",
    "Context",
    "CursorReset",
    "Forbidden",
    "HandlerStopped",
    "InvalidHandler",
    "InvalidRequest",
    "JobCanceled",
    "NonRetryable",
    "NotFound",
    "Patience",
    "ProblemError",
    "Proposal",
    "Reset",
    "ServiceFailed",
    "Snapshot",
    "Stop",
    "ThreadContext",
    "TooManyRequests",
    "TrackedJob",
    "Tracker",
    "TrackerSettings",
    "Unauthorized",
    "Unavailable",
    "WaysideError",
    "Worker",
    "track",
]
