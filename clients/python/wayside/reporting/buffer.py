"""What one attempt has to say and has not sent yet: progress merged, logs in order, one ending."""

import threading
from collections import deque
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from wayside.reporting.encoding import LogLine, progress_json, size_of
from wayside_events.contracts.jobs import LOG_ENTRIES_LIMIT
from wayside_events.jobs import LogLevel

LOG_LINES = 10_000
"""Log lines kept while they cannot be sent; then the oldest are dropped, and that is said."""

LOG_BYTES = 4 * 1024 * 1024
"""The same in bytes, about: a worker with many jobs shall not fill the memory while Wayside is away."""

LOG_REPORT_BYTES = 128 * 1024

Report = dict[str, JsonValue]


class AttemptBuffer:
    """Takes what a handler says, from any thread, and hands it out in the order in which it must be reported.

    Logs come first, then the progress, then the ending; after the ending nothing is taken in.
    """

    __slots__ = (
        "_closed",
        "_dropped",
        "_ending",
        "_lock",
        "_log_bytes",
        "_log_bytes_limit",
        "_log_lines_limit",
        "_logs",
        "_partial",
        "_progress",
    )

    def __init__(self, *, log_lines: int = LOG_LINES, log_bytes: int = LOG_BYTES) -> None:
        self._lock = threading.Lock()
        self._progress: dict[str, Any] | None = None
        self._partial: JsonValue = None
        self._logs: deque[LogLine] | None = None
        self._log_bytes = 0
        self._log_lines_limit = log_lines
        self._log_bytes_limit = log_bytes
        self._dropped = 0
        self._ending: Report | None = None
        self._closed = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to report."""
        return self._progress is None and not self._logs and self._ending is None

    @property
    def has_ending(self) -> bool:
        """Whether an ending waits to be reported, which nothing may delay."""
        return self._ending is not None

    @property
    def is_closed(self) -> bool:
        """Whether the ending was said; what comes later is ignored."""
        return self._closed

    def progress(self, fields: dict[str, Any], partial: JsonValue = None) -> bool:
        """Merge into the progress that waits: the last value of each field wins. Returns whether nothing waited."""
        with self._lock:
            if self._closed:
                return False
            if partial is not None:
                self._partial = partial
            if self._progress is not None:
                self._progress.update(fields)
                return False
            self._progress = fields
            return not self._logs

    def log(self, line: LogLine) -> bool:
        """Append a line; over the limits the oldest are dropped. Returns whether nothing waited before."""
        with self._lock:
            if self._closed:
                return False
            was_empty = self.is_empty
            if self._logs is None:
                self._logs = deque()
            self._logs.append(line)
            self._log_bytes += line.size
            while len(self._logs) > self._log_lines_limit or self._is_too_large:
                self._log_bytes -= self._logs.popleft().size
                self._dropped += 1
            return was_empty

    @property
    def _is_too_large(self) -> bool:
        return self._log_bytes > self._log_bytes_limit and self._logs is not None and len(self._logs) > 1

    def finish(self, ending: Report) -> bool:
        """Say how the attempt ended; only the first ending counts. Returns whether this was it."""
        with self._lock:
            if self._closed:
                return False
            self._closed = True
            self._ending = ending
            return True

    def replace_ending(self, ending: Report) -> None:
        """Say another ending, after the first one was refused."""
        with self._lock:
            self._closed = True
            self._ending = ending

    def close(self) -> None:
        """Take nothing in any more; what was said is still to be reported."""
        with self._lock:
            self._closed = True

    def discard(self) -> None:
        """Forget everything and take nothing in any more: nobody wants to hear it."""
        with self._lock:
            self._closed = True
            self._progress, self._partial, self._ending, self._logs = None, None, None, None

    def pop(self) -> Report | None:
        """Take out the next report, without identity and number; `None` when nothing is left."""
        with self._lock:
            if self._logs:
                return self._pop_logs(self._logs)
            if self._progress is not None:
                return self._pop_progress()
            ending, self._ending = self._ending, None
            return ending

    def _pop_progress(self) -> Report:
        assert self._progress is not None
        report: Report = {"kind": "progress", "progress": progress_json(self._progress)}
        if self._partial is not None:
            report["partial"] = self._partial
        self._progress, self._partial = None, None
        return report

    def _pop_logs(self, logs: deque[LogLine]) -> Report:
        dropped, self._dropped = self._dropped, 0
        said = [_dropped_line(dropped).to_json()] if dropped else []
        report: Report = {"kind": "log", "entries": [*said, *self._pop_entries(logs, len(said))]}
        if dropped:
            report["dropped"] = dropped
        return report

    def _pop_entries(self, logs: deque[LogLine], count: int) -> list[JsonValue]:
        entries: list[JsonValue] = []
        size = 0
        while logs and count + len(entries) < LOG_ENTRIES_LIMIT:
            entry = logs[0].to_json()
            size += size_of(entry)
            if size > LOG_REPORT_BYTES and entries:
                break
            entries.append(entry)
            self._log_bytes -= logs.popleft().size
        return entries


def _dropped_line(count: int) -> LogLine:
    message = f"{count} older log entries were dropped: they were written faster than they could be sent"
    return LogLine(datetime.now(UTC), LogLevel.WARNING, message, {"dropped": count}, len(message))
