"""Child processes that die with this one, and the search for those an earlier run left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from wayside_standalone import launch

Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Identity:
    """The user a child runs as, and the one Linux capability it keeps (number, see capabilities(7))."""

    uid: int = launch.UNCHANGED
    gid: int = launch.UNCHANGED
    capability: int = launch.UNCHANGED


@dataclass(frozen=True)
class Command:
    """A command line to run; `argv[0]` is an absolute path, and the environment is complete, not an addition."""

    argv: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    death_signal: signal.Signals = signal.SIGKILL
    identity: Identity = field(default_factory=Identity)

    def wrapped(self) -> list[str]:
        """The command line behind the launcher that ties it to this process."""
        identity = self.identity
        numbers = (os.getpid(), self.death_signal.value, identity.uid, identity.gid, identity.capability)
        return [sys.executable, "-I", "-S", launch.__file__, *map(str, numbers), *map(str, self.argv)]


def spawn(command: Command, output: int | IO[bytes]) -> Process:
    """Start a command in its own session with stdout and stderr to `output`.

    On Linux the child gets its death signal when the calling *thread* ends, so call this from a thread that lives
    as long as the child shall: the main thread.
    """
    return subprocess.Popen(
        command.wrapped(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=dict(command.environment),
        start_new_session=True,
    )


def run(command: Command, *, timeout: float) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end, with its output captured together."""
    return subprocess.run(
        command.wrapped(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=dict(command.environment),
        timeout=timeout,
        check=False,
    )


def stop(process: Process, steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn and wait that many seconds after each, then kill."""
    for number, seconds in steps:
        if process.poll() is not None:
            return
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    if process.poll() is None:
        process.kill()
        process.wait()


def end_strays(
    strays: Iterator[psutil.Process] | Sequence[psutil.Process], *, grace_seconds: float = 3
) -> list[int]:
    """Terminate processes that are not our children, kill what remains, and return their pids."""
    found = list(strays)
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(found, timeout=grace_seconds)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=grace_seconds)
    return [process.pid for process in found]


def processes_in(directory: Path, name: str) -> Iterator[psutil.Process]:
    """Processes of that program whose working directory is `directory`, as far as we may look at them."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == name and Path(process.cwd()) == directory:
                yield process


def processes_with(variable: str, value: str) -> Iterator[psutil.Process]:
    """Processes started with that environment variable set to that value, as far as we may look at them."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(variable) == value:
                yield process
