"""Requests to governance over HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from benchmarks.system import System

REQUEST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes requests, and sees that they are answered as they must be."""

    session: aiohttp.ClientSession

    async def get(self, path: str, query: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
        """Read something."""
        async with self.session.get(path, params=query) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def post(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
        """Change something."""
        async with self.session.post(path, json=body) as answer:
            if answer.status >= 400:
                raise RuntimeError(f"POST {path}: {answer.status} {await answer.text()}")
            return await answer.json()


@asynccontextmanager
async def caller(system: System) -> AsyncIterator[Caller]:
    """Open a session with the service that is measured."""
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    async with aiohttp.ClientSession(
        system.service_url, headers=system.headers(), timeout=timeout
    ) as session:
        yield Caller(session)
