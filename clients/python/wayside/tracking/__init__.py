"""Tracked operations: they run in the process of their caller, and everybody can see how far they are."""

from wayside.tracking.detached import finish_tracked, run_tracked
from wayside.tracking.record import SyncTrackedJob, TrackedJob
from wayside.tracking.track import track
from wayside.tracking.tracker import Tracker, TrackerSettings
from wayside.tracking.web import DetachTracked, detach_tracked, detach_tracked_middleware

__all__ = [
    "DetachTracked",
    "SyncTrackedJob",
    "TrackedJob",
    "Tracker",
    "TrackerSettings",
    "detach_tracked",
    "detach_tracked_middleware",
    "finish_tracked",
    "run_tracked",
    "track",
]
