"""Live streams: which events a client gets from where, and what happens when something on the way is down."""

from wayside_gateway.live.live import LIVE, Live, accepts_events

__all__ = ["LIVE", "Live", "accepts_events"]
