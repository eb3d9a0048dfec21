"""The Wayside SDK: run handlers as a worker, track operations of your own process, follow their events.

What is not used is not loaded.
"""

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wayside.children import Child
    from wayside.client.client import Client
    from wayside.client.streams import Reset, Snapshot
    from wayside.context import Context, ThreadContext
    from wayside.current import current_job
    from wayside.errors import (
        AlreadyTracked,
        ChildCanceled,
        ChildFailed,
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
        UnknownJobType,
        WaysideError,
    )
    from wayside.logs import JobLogHandler, log_processor
    from wayside.proposing import Proposal
    from wayside.tracking.detached import finish_tracked, run_tracked
    from wayside.tracking.record import SyncTrackedJob, TrackedJob
    from wayside.tracking.track import track
    from wayside.tracking.tracker import Tracker, TrackerSettings
    from wayside.tracking.web import DetachTracked, detach_tracked, detach_tracked_middleware
    from wayside.worker.shift import Patience
    from wayside.worker.worker import Worker

__all__ = [
    "AlreadyTracked",
    "Child",
    "ChildCanceled",
    "ChildFailed",
    "Client",
    "Conflict",
    "Context",
    "CursorReset",
    "DetachTracked",
    "Forbidden",
    "HandlerStopped",
    "InvalidHandler",
    "InvalidRequest",
    "JobCanceled",
    "JobLogHandler",
    "NonRetryable",
    "NotFound",
    "Patience",
    "ProblemError",
    "Proposal",
    "Reset",
    "ServiceFailed",
    "Snapshot",
    "Stop",
    "SyncTrackedJob",
    "ThreadContext",
    "TooManyRequests",
    "TrackedJob",
    "Tracker",
    "TrackerSettings",
    "Unauthorized",
    "Unavailable",
    "UnknownJobType",
    "WaysideError",
    "Worker",
    "current_job",
    "detach_tracked",
    "detach_tracked_middleware",
    "finish_tracked",
    "log_processor",
    "run_tracked",
    "track",
]

_HOMES = MappingProxyType(
    {
        "AlreadyTracked": "wayside.errors",
        "Child": "wayside.children",
        "ChildCanceled": "wayside.errors",
        "ChildFailed": "wayside.errors",
        "Client": "wayside.client.client",
        "Conflict": "wayside.errors",
        "Context": "wayside.context",
        "CursorReset": "wayside.errors",
        "DetachTracked": "wayside.tracking.web",
        "Forbidden": "wayside.errors",
        "HandlerStopped": "wayside.errors",
        "InvalidHandler": "wayside.errors",
        "InvalidRequest": "wayside.errors",
        "JobCanceled": "wayside.errors",
        "JobLogHandler": "wayside.logs",
        "NonRetryable": "wayside.errors",
        "NotFound": "wayside.errors",
        "Patience": "wayside.worker.shift",
        "ProblemError": "wayside.errors",
        "Proposal": "wayside.proposing",
        "Reset": "wayside.client.streams",
        "ServiceFailed": "wayside.errors",
        "Snapshot": "wayside.client.streams",
        "Stop": "wayside.errors",
        "SyncTrackedJob": "wayside.tracking.record",
        "ThreadContext": "wayside.context",
        "TooManyRequests": "wayside.errors",
        "TrackedJob": "wayside.tracking.record",
        "Tracker": "wayside.tracking.tracker",
        "TrackerSettings": "wayside.tracking.tracker",
        "Unauthorized": "wayside.errors",
        "Unavailable": "wayside.errors",
        "UnknownJobType": "wayside.errors",
        "WaysideError": "wayside.errors",
        "Worker": "wayside.worker.worker",
        "current_job": "wayside.current",
        "detach_tracked": "wayside.tracking.web",
        "detach_tracked_middleware": "wayside.tracking.web",
        "finish_tracked": "wayside.tracking.detached",
        "log_processor": "wayside.logs",
        "run_tracked": "wayside.tracking.detached",
        "track": "wayside.tracking.track",
    }
)


def _load(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_HOMES[name]), name)


if not TYPE_CHECKING:  # a type checker would take a module with `__getattr__` to have any attribute
    __getattr__ = _load


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
