"""A gateway in a process of its own."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from tests.eventually import eventually
from tests.gateway.world import SECRET, Gateway


@asynccontextmanager
async def gateway_process(
    nats_url: str, upstream_url: str, http: aiohttp.ClientSession, directory: Path
) -> AsyncIterator[tuple[Gateway, Process]]:
    """Run `python -m wayside_gateway` while the context lasts."""
    port_file = directory / "port"
    settings = {
        "JWT_SECRET": SECRET,
        "NATS_URL": nats_url,
        "JOBS_URL": upstream_url,
        "GOVERNANCE_URL": upstream_url,
        "PORT_FILE": str(port_file),
        "DRAIN_SECONDS": "0.2",
        "LOG_LEVEL": "warning",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "wayside_gateway",
        env={**os.environ, **{f"WAYSIDE_{name}": value for name, value in settings.items()}},
    )
    try:
        assert await eventually(port_file.exists, within_seconds=20)
        gateway = Gateway(http, int(port_file.read_text()))
        await gateway.ready()
        yield gateway, process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
