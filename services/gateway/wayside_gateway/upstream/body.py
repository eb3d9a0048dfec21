"""The body of a request on its way to a service."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from wayside_service.errors import BadRequest, BodyTooLarge, RequestTimedOut

SILENCE_SECONDS = 30.0
"""How long a client may pause while it sends a body."""


def body_of(request: web.Request, limit_bytes: int) -> AsyncIterator[bytes] | None:
    """Return the body as it arrives, `None` without one; raises `BodyTooLarge` when it says so itself.

    The iterator raises `BodyTooLarge` at the limit, `RequestTimedOut` or `BadRequest`.
    """
    if not request.body_exists:
        return None
    if (request.content_length or 0) > limit_bytes:
        raise _too_large(limit_bytes)
    return _chunks(request, limit_bytes)


async def _chunks(request: web.Request, limit_bytes: int) -> AsyncIterator[bytes]:
    size = 0
    while chunk := await _read(request):
        size += len(chunk)
        if size > limit_bytes:
            raise _too_large(limit_bytes)
        yield chunk


async def _read(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            return await request.content.readany()
    except TimeoutError:
        raise RequestTimedOut from None
    except web.RequestPayloadError:
        msg = "The body cannot be decoded as its headers say."
        raise BadRequest(msg) from None


def _too_large(limit_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body may have at most {limit_bytes} bytes.")
