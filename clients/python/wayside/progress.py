"""What a running operation may say: progress, logs and proposals; the same in a worker and around a tracked one."""

import contextlib
import traceback
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TypedDict, TypeVar, Unpack, cast

from pydantic import JsonValue

from wayside.errors import HandlerStopped, Stop
from wayside.reporting.attempt import Attempt
from wayside.reporting.encoding import NotJson, TooLarge, json_value
from wayside_events.jobs import LogLevel

T = TypeVar("T")


class JobLog:
    """The log of one job. Entries are buffered and sent in order; keyword arguments are kept as context."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def debug(self, message: str, **context: Any) -> None:
        """Log what helps to find an error."""
        self._write(LogLevel.DEBUG, message, context)

    def info(self, message: str, **context: Any) -> None:
        """Log what happened."""
        self._write(LogLevel.INFO, message, context)

    def warning(self, message: str, **context: Any) -> None:
        """Log what is not as expected but does not stop the job."""
        self._write(LogLevel.WARNING, message, context)

    def error(self, message: str, **context: Any) -> None:
        """Log what went wrong."""
        self._write(LogLevel.ERROR, message, context)

    def exception(self, message: str, **context: Any) -> None:
        """Log the exception that is being handled, with its traceback."""
        self._write(LogLevel.ERROR, f"{message}\n{traceback.format_exc()}", context)

    def _write(self, level: LogLevel, message: str, context: dict[str, Any]) -> None:
        self._attempt.log(level, message, context)


class ProgressFields(TypedDict, total=False):
    """What a progress update may say beside the percentage."""

    phase: str | None
    step: str | None
    current: float | None
    total: float | None
    unit: str | None
    message: str | None
    partial: object  # a partial result: anything that is JSON, up to 256 KB


_FIELDS = ProgressFields.__annotations__.keys()


class Operation:
    """A running operation that tells how far it is. Every method is synchronous, costs next to nothing and never fails.

    Nothing here waits for the network: the reporter sends the last progress of each 80 ms, and the logs in order.
    """

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._say = attempt.progress
        self._log: JobLog | None = None

    @property
    def log(self) -> JobLog:
        """The job's log."""
        if self._log is None:
            self._log = self._new_log()
        return self._log

    def _new_log(self) -> JobLog:
        return JobLog(self._attempt)

    def capture(self, level: LogLevel, message: str, context: dict[str, Any]) -> None:
        """Take in a line that was logged elsewhere, see `wayside.logs`. Nothing is raised, whatever becomes of the job."""
        with contextlib.suppress(HandlerStopped):
            self._attempt.log(level, message, context)

    @property
    def stopping(self) -> Stop | None:
        """Why the operation is asked to end, or `None` while it is not."""
        return self._attempt.stop_reason

    @property
    def cancel_requested(self) -> bool:
        """Whether a user asked for the job to end."""
        return self._attempt.stop_reason is Stop.CANCEL

    def progress(self, percent: float | None = None, **fields: Unpack[ProgressFields]) -> None:
        """Say how far it is; what is left out keeps its last value. Call it as often as you like.

        `percent` is 0 to 100, never goes back within an attempt and reaches 100 only when the job completes.
        """
        said = cast("dict[str, Any]", fields)
        partial: JsonValue = None
        if said:
            if not said.keys() <= _FIELDS:
                msg = f"progress() knows no {', '.join(sorted(said.keys() - _FIELDS))}"
                raise TypeError(msg)
            if "partial" in said:
                partial = self._partial(said.pop("partial"))
            if None in said.values():
                said = {name: value for name, value in said.items() if value is not None}
        if percent is not None:
            said["percent"] = percent
        self._say(said, partial)

    def phase(self, name: str, *, percent: float | None = None, message: str | None = None) -> None:
        """Enter a phase."""
        self.progress(percent, phase=name, message=message)

    def iterate(
        self,
        items: Iterable[T],
        *,
        total: int | None = None,
        unit: str | None = None,
        percent: tuple[float, float] | None = None,
    ) -> Iterator[T]:
        """Yield the items, counting them as `current` of `total`.

        `percent` is the part of the whole job this loop is, from and to; it needs to know the number of items.
        """
        if total is None and isinstance(items, Sized):
            total = len(items)
        start, end = percent or (0.0, 0.0)
        for done, item in enumerate(items):
            share = start + (end - start) * done / total if percent and total else None
            self.progress(share, current=done, total=total, unit=unit)
            yield item
        self.progress(end if percent else None, current=total)

    def _partial(self, value: object) -> JsonValue:
        if value is None:
            return None
        try:
            return json_value(value, "partial result")
        except (NotJson, TooLarge) as error:
            self.log.warning("a partial result was left out", reason=str(error))
            return None
