"""Whether the process lives (`/healthz`) and whether what it needs is there (`/readyz`)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import orjson
from aiohttp import web

Check = Callable[[], Awaitable[None]]
"""Returns when the dependency is there, else raises; `str(error)` is shown, so it must hold no secret."""

CHECK_TIMEOUT_SECONDS = 2.0
OK = "ok"


class Health:
    """The named checks of one application."""

    def __init__(self, *, timeout_seconds: float = CHECK_TIMEOUT_SECONDS) -> None:
        self._checks: dict[str, Check] = {}
        self._timeout_seconds = timeout_seconds

    def add(self, name: str, check: Check) -> None:
        """Make readiness depend on `check`."""
        self._checks[name] = check

    async def run(self) -> dict[str, str]:
        """Run all checks at once; return `ok` or what is wrong, by name."""
        results = await asyncio.gather(*(self._run(check) for check in self._checks.values()))
        return dict(zip(self._checks, results, strict=True))

    async def _run(self, check: Check) -> str:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await check()
        except TimeoutError:
            return f"no answer within {self._timeout_seconds:g} s"
        except Exception as error:  # noqa: BLE001 - whatever is wrong is the answer
            return str(error) or type(error).__name__
        return OK


HEALTH: Final = web.AppKey("wayside_health", Health)


async def healthz(_request: web.Request) -> web.Response:
    """Answer as long as the event loop runs."""
    return _json(200, {"status": OK})


async def readyz(request: web.Request) -> web.Response:
    """Answer 200 when every dependency is there, else 503 with what is missing."""
    checks = await request.app[HEALTH].run()
    ready = all(result == OK for result in checks.values())
    return _json(200 if ready else 503, {"status": OK if ready else "unavailable", "checks": checks})


def _json(status: int, document: object) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(document),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
