"""Logging: structlog for all, the standard library's records included; JSON, or readable on a terminal."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

from wayside_service.settings import LogFormat, LogLevel

_SECRET_KEYS = re.compile(r"authorization|password|secret|token|ticket|cookie", re.IGNORECASE)
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_REDACTED = "[redacted]"


def configure_logging(*, service: str, level: LogLevel = "info", log_format: LogFormat = "auto") -> None:
    """Send every record of the process to stderr; `auto` is console on a terminal and JSON elsewhere."""
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared = _shared_processors(service)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(_formatter(shared, console=console))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())


def _shared_processors(service: str) -> list[Processor]:
    def add_service(
        _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event.setdefault("service", service)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
        _redact_named,
    ]


def _formatter(shared: list[Processor], *, console: bool) -> logging.Formatter:
    render: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render, _redact_tokens],
    )


def _redact_named(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank values whose key names a secret."""
    for key in event:
        if _SECRET_KEYS.search(key):
            event[key] = _REDACTED
    return event


def _redact_tokens(_logger: object, _method: str, rendered: Any) -> str:  # noqa: ANN401 - a processor's signature
    """Blank JSON Web Tokens wherever they are in the line, tracebacks included."""
    return _JWT.sub(_REDACTED, str(rendered))
