"""The lock that makes a data directory belong to one stack at a time; the kernel frees it when the holder dies."""

import fcntl
import os
from pathlib import Path
from typing import Self

from wayside_standalone.errors import AlreadyRunning
from wayside_standalone.server import wait_until

FILE_NAME = "stack.lock"
LOOK_SECONDS = 1.0
"""Who merely looks shares the lock for a moment; that long a starting stack tries again."""


class DirectoryLock:
    """Holds `<data_dir>/stack.lock`, which contains the holder's pid, as a context manager."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._descriptor = -1

    def __enter__(self) -> Self:
        path = self._data_dir / FILE_NAME
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not wait_until(lambda: try_lock(descriptor, fcntl.LOCK_EX), seconds=LOOK_SECONDS):
            os.close(descriptor)
            raise AlreadyRunning(self._data_dir, written_pid(path))
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor
        return self

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def try_lock(descriptor: int, kind: int) -> bool:
    """Take the lock, exclusive or shared, unless somebody has it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holder(data_dir: Path) -> int | None:
    """The pid of the process that runs a stack on this directory, or None when nobody does.

    Looking shares the lock, so that of two who look neither takes the other for the holder, and a pid that a killed
    stack left in the file for somebody to signal.
    """
    path = data_dir / FILE_NAME
    if not path.exists():
        return None
    with path.open("rb") as file:
        return None if try_lock(file.fileno(), fcntl.LOCK_SH) else written_pid(path)


def written_pid(path: Path) -> int | None:
    """The pid in a lock file; None in the moment before its holder has written it."""
    text = path.read_text().strip()
    return int(text) if text.isdigit() else None
