"""Tracked operations: they run in the process of their caller, and everybody can see how far they are."""

from wayside.tracking.detached import finish_tracked, run_tracked
from wayside.tracking.record import SyncTrackedJob, TrackedJob
from wayside.tracking.track import track
from wayside.tracking.tracker import Tracker, TrackerSettings

__all__ = [
    "SyncTrackedJob",
    "TrackedJob",
    "Tracker",
    "TrackerSettings",
    "finish_tracked",
    "run_tracked",
    "track",
]
