"""Where event bytes meet NATS; nothing else in Wayside imports a NATS client."""

from wayside_events.bus.bus import Bus, Stop
from wayside_events.bus.connection import BusSettings
from wayside_events.bus.errors import (
    AccessDenied,
    BusError,
    BusUnavailable,
    CursorExpired,
    MalformedReply,
    MessageTooLarge,
    PublishRefused,
    RequestRefused,
    RequestTimedOut,
)
from wayside_events.bus.live import LiveSubscription
from wayside_events.bus.messages import OutgoingMessage, StoredMessage
from wayside_events.bus.requests import Endpoint, problem_of_validation, request_headers
from wayside_events.bus.storage import StreamRefused, StreamState

__all__ = [
    "AccessDenied",
    "Bus",
    "BusError",
    "BusSettings",
    "BusUnavailable",
    "CursorExpired",
    "Endpoint",
    "LiveSubscription",
    "MalformedReply",
    "MessageTooLarge",
    "OutgoingMessage",
    "PublishRefused",
    "RequestRefused",
    "RequestTimedOut",
    "Stop",
    "StoredMessage",
    "StreamRefused",
    "StreamState",
    "problem_of_validation",
    "request_headers",
]
