"""The aiohttp middlewares of every service, outermost first."""

from wayside_service.middleware.access import access_log
from wayside_service.middleware.context import REQUEST_ID, request_context
from wayside_service.middleware.cursor import POSITION, PositionSource, stream_position
from wayside_service.middleware.errors import ERRORS, problems

__all__ = [
    "ERRORS",
    "POSITION",
    "REQUEST_ID",
    "PositionSource",
    "access_log",
    "problems",
    "request_context",
    "stream_position",
]
