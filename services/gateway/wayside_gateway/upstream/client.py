"""The HTTP client towards the services."""

from typing import Final

import aiohttp
from aiohttp import web

from wayside_gateway.errors import UpstreamUnavailable
from wayside_gateway.settings import GatewaySettings
from wayside_gateway.upstream.caller import answer_of
from wayside_gateway.upstream.instances import Instances
from wayside_service.health import Check

SESSION: Final = web.AppKey("wayside_upstream_session", aiohttp.ClientSession)

_AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


def client_session(settings: GatewaySettings) -> aiohttp.ClientSession:
    """Return a session that adds nothing to requests and takes nothing from answers."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(
            total=None,
            sock_connect=settings.upstream_connect_seconds,
            sock_read=settings.upstream_read_seconds,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=_AUTOMATIC_HEADERS,
    )


def health_check(session: aiohttp.ClientSession, instances: Instances) -> Check:
    """Return the readiness check of one service: some instance of it lives."""

    async def check() -> None:
        async with answer_of(session, instances, "GET", "/healthz", headers={}) as answer:
            if answer.status != 200:
                msg = f"The {instances.service} service answered {answer.status}."
                raise UpstreamUnavailable(msg)

    return check
