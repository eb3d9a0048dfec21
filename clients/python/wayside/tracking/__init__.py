"""Tracked operations: they run in the process of their caller, and everybody can see how far they are."""

from wayside.tracking.track import TrackedJob, track
from wayside.tracking.tracker import Tracker, TrackerSettings

__all__ = ["TrackedJob", "Tracker", "TrackerSettings", "track"]
