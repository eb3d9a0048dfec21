"""How a process of a measurement hears and answers the one that started it; standard library only."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any


def say(**message: object) -> None:
    """Send one line."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def orders() -> AsyncIterator[Any]:
    """Yield what the parent tells, until it closes the line."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)
