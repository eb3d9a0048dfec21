"""Where the hub meets the bus: live feeds per scope in use, and reads of stored events."""

from wayside_gateway.events.feeds import Feeds
from wayside_gateway.events.replays import Replays
from wayside_gateway.events.source import BusSource

__all__ = ["BusSource", "Feeds", "Replays"]
