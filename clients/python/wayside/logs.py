"""Ordinary log lines on the job they were written for: a handler for `logging`, a processor for structlog."""

import contextlib
import logging
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

from wayside.current import current_job
from wayside_events.jobs import LogLevel

_OWN_LOGGERS = ("wayside", "nats", "asyncio")
"""What the SDK and its connection log is about the worker, and would never end if it were sent on by them."""

_RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_STRUCTLOG_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "exception": logging.ERROR,
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}
_STRUCTLOG_FIELDS = frozenset({"event", "level", "timestamp", "exc_info", "exception", "stack_info", "stack"})

_is_writing: ContextVar[bool] = ContextVar("wayside_is_writing_log", default=False)


class JobLogHandler(logging.Handler):
    """Puts the records that are logged while a job is handled or tracked onto that job, and ignores all others.

    Fields given as `extra` and the logger's name are the context of the entry. Nothing here waits for the network.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Take in a record."""
        if current_job() is None or _is_own(record.name):
            return
        try:
            with _once() as is_first:
                if is_first:
                    self._write(record)
        except Exception:  # noqa: BLE001 - as every handler of `logging` does
            self.handleError(record)

    def _write(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, Mapping) and "event" in record.msg:  # structlog, on its way to be rendered
            _write_event(record.levelno, record.msg, logger=record.name, exc_info=record.exc_info)
            return
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{_traceback(record.exc_info)}"
        extra = {name: value for name, value in vars(record).items() if name not in _RECORD_FIELDS}
        _write(record.levelno, text, {"logger": record.name} | extra)


def log_processor(_logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put a structlog event onto the job it was logged for, and pass it on unchanged: a processor for `structlog`.

    Put it before what renders the event, and after what binds fields to it. Where structlog hands its events to
    `logging`, use either this or a `JobLogHandler`.
    """
    if current_job() is not None:
        with contextlib.suppress(Exception), _once() as is_first:
            if is_first:
                level = _STRUCTLOG_LEVELS.get(str(event.get("level", method)), logging.INFO)
                _write_event(level, event, exc_info=event.get("exc_info"))
    return event


@contextlib.contextmanager
def capturing(level: int | None) -> Iterator[None]:
    """Let what is logged inside the block, from `level` on, be on the jobs it is about; `None` does nothing."""
    if level is None:
        yield
        return
    handler = JobLogHandler(level)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def capture_level(wanted: bool | int | str) -> int | None:
    """The level to capture from: INFO for `True`, none for `False`; raises `ValueError` for a name that is no level."""
    if isinstance(wanted, bool):
        return logging.INFO if wanted else None
    if isinstance(wanted, int):
        return wanted
    try:
        return logging.getLevelNamesMapping()[wanted.upper()]
    except KeyError:
        msg = f"there is no log level {wanted!r}"
        raise ValueError(msg) from None


def _write_event(
    level: int, event: Mapping[str, Any], *, logger: str | None = None, exc_info: object = None
) -> None:
    text = str(event.get("event", ""))
    if trace := event.get("exception") or _traceback(exc_info):
        text = f"{text}\n{trace}"
    context = {
        name: value
        for name, value in event.items()
        if name not in _STRUCTLOG_FIELDS and not name.startswith("_")
    }
    _write(level, text, {"logger": logger} | context if logger else context)


def _write(level: int, message: str, context: dict[str, Any]) -> None:
    if (job := current_job()) is not None:
        job.capture(_level_of(level), message, context)


def _level_of(level: int) -> LogLevel:
    if level >= logging.ERROR:
        return LogLevel.ERROR
    if level >= logging.WARNING:
        return LogLevel.WARNING
    return LogLevel.INFO if level >= logging.INFO else LogLevel.DEBUG


def _traceback(exc_info: object) -> str:
    """The traceback of what `logging` takes as `exc_info`: an exception, a tuple, or a flag."""
    match exc_info:
        case BaseException():
            return "".join(traceback.format_exception(exc_info)).rstrip()
        case (_, BaseException() as error, _):
            return "".join(traceback.format_exception(error)).rstrip()
        case tuple() | None | False:
            return ""
        case _:
            return traceback.format_exc().rstrip()


def _is_own(name: str) -> bool:
    return name.partition(".")[0] in _OWN_LOGGERS


@contextlib.contextmanager
def _once() -> Iterator[bool]:
    """Tell the first line from one that is logged while that is written, by the text of a value in it."""
    if _is_writing.get():
        yield False
        return
    token = _is_writing.set(True)
    try:
        yield True
    finally:
        _is_writing.reset(token)
