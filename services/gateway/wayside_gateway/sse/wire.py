"""Server-sent events as bytes (WHATWG HTML §9.2), plain or as chunks of HTTP/1.1."""

import re

from wayside_gateway.streams.frame import Frame

CONTENT_TYPE = "text/event-stream"

_LINE_ENDS = re.compile(rb"\r\n|\r|\n")


def plain(frame: Frame) -> bytes:
    """Encode a frame for a response that ends with its connection (HTTP/1.0).

    The id comes last: a client that takes note of it at once, and is cut within the frame, has not skipped the data.
    """
    data = frame.data
    if b"\n" in data or b"\r" in data:
        data = b"\ndata: ".join(_LINE_ENDS.split(data))
    retry = b"" if frame.retry_ms is None else b"retry: %d\n" % frame.retry_ms
    cursor = b"" if frame.cursor is None else b"id: %b\n" % frame.cursor.encode()
    return b"%bevent: %b\ndata: %b\n%b\n" % (retry, frame.name.encode(), data, cursor)


def chunked(frame: Frame) -> bytes:
    """Encode a frame as one chunk of a chunked response."""
    return chunk(plain(frame))


def chunk(data: bytes) -> bytes:
    """Frame bytes as one HTTP/1.1 chunk (RFC 9112 §7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def preamble(cursor: str | None, retry_ms: int) -> bytes:
    """Return the first lines of a stream: how long to wait before connecting again, and from where.

    They hold no data, so that EventSource takes note of both and dispatches nothing.
    """
    return (f"retry: {retry_ms}\n" + (f"id: {cursor}\n" if cursor else "") + "\n").encode()
