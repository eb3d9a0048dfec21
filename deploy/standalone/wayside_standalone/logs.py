"""Log files of the children: written by the supervisor from their pipes, rotated, and shown when something fails."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

CHUNK_BYTES = 65_536


class LogFile:
    """A log that grows to `max_bytes` and then becomes `<name>.1`, `<name>.2`, up to `backups`."""

    def __init__(self, path: Path, *, max_bytes: int = 10_000_000, backups: int = 3) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._backups = backups

    def write(self, data: bytes) -> None:
        """Append; a log that cannot be written must not stop the work."""
        with suppress(OSError):
            if self.path.exists() and self.path.stat().st_size + len(data) > self._max_bytes:
                self._rotate()
            with self.path.open("ab") as file:
                file.write(data)

    def _rotate(self) -> None:
        for number in range(self._backups - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._numbered(number).replace(self._numbered(number + 1))
        self.path.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


class LogPipe:
    """The pipe from one child to its log. Close `write_end` once the child has it."""

    def __init__(self, log: LogFile) -> None:
        self._log = log
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read_end, self._drain)

    def close(self) -> None:
        """Take what is left in the pipe and close it."""
        while self._read_end != -1 and self._drain():
            pass
        self._end()

    def _drain(self) -> bool:
        try:
            data = os.read(self._read_end, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if data:
            self._log.write(data)
        else:
            self._end()
        return bool(data)

    def _end(self) -> None:
        if self._read_end != -1:
            self._loop.remove_reader(self._read_end)
            os.close(self._read_end)
            self._read_end = -1


def tail(path: Path, *, lines: int = 15, max_bytes: int = 16_384) -> str:
    """The last lines of a log, for a person who has to see why something failed."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - max_bytes))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])
