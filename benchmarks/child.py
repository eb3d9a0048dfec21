"""A process of a measurement that is told and answers in lines of JSON."""

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import orjson

from benchmarks.workspace import ROOT
from wayside_standalone.logs import tail
from wayside_standalone.process import Command

STOP_SECONDS = 20
LINE_LIMIT_BYTES = 64 * 1024 * 1024


class ChildFailed(Exception):
    """A process of the measurement ended or fell silent."""


class Child:
    """One process. It dies with this one, and leaving the context ends it: stdin is closed, then it is killed."""

    def __init__(
        self, name: str, argv: Sequence[str | Path], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self._command = Command(argv, {**essentials(), **environment})
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command.wrapped(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=dict(self._command.environment),
                start_new_session=True,
                limit=LINE_LIMIT_BYTES,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._running
        assert process.stdin is not None
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running.pid

    async def tell(self, **message: object) -> None:
        """Send one line."""
        stdin = self._running.stdin
        assert stdin is not None
        stdin.write(orjson.dumps(message) + b"\n")
        await stdin.drain()

    async def hear(self, what: str, *, seconds: float) -> Any:  # noqa: ANN401 - what the child says
        """Wait for a line that says `what`, and return it; lines that are not JSON are passed over.

        Raises `ChildFailed`.
        """
        stdout = self._running.stdout
        assert stdout is not None
        try:
            async with asyncio.timeout(seconds):
                while line := await stdout.readline():
                    if line.startswith(b"{") and what in (said := orjson.loads(line)):
                        return said[what]
        except TimeoutError:
            raise ChildFailed(f"{self.name} did not say {what!r} within {seconds:g} s") from None
        raise ChildFailed(f"{self.name} ended; the end of its log:\n{tail(self._log)}")

    @property
    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None, f"{self.name} was not started"
        return self._process


def essentials() -> dict[str, str]:
    """What every process needs of the environment; nothing of Wayside leaks in from outside."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
