"""W3C trace context: taken from a request, kept for its duration, passed on in events and calls."""

import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Protocol, Self

from aiohttp import web

from wayside_service.settings import ServiceSettings

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One span of one trace; `str()` is the `traceparent` header."""

    trace_id: str
    span_id: str
    flags: str = "00"

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    @classmethod
    def new(cls) -> Self:
        """Start a trace, not sampled."""
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    @classmethod
    def parse(cls, header: str | None) -> Self | None:
        """Read a `traceparent` header; `None` when it is absent or malformed, as the standard demands."""
        match = _TRACEPARENT.fullmatch(header or "")
        if match is None or match[1] == _NO_TRACE or match[2] == _NO_SPAN:
            return None
        return cls(match[1], match[2], match[3])

    def child(self) -> Self:
        """Return a new span of the same trace."""
        return type(self)(self.trace_id, secrets.token_hex(8), self.flags)


_current: ContextVar[TraceContext | None] = ContextVar("wayside_trace", default=None)


def current_traceparent() -> str | None:
    """Return the `traceparent` of the work at hand, for an event or an outgoing call."""
    context = _current.get()
    return str(context) if context else None


@contextmanager
def traced(context: TraceContext) -> Iterator[None]:
    """Make `context` the current one inside the block."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


class Spans(Protocol):
    """Makes a span around a piece of work."""

    def span(self, name: str, parent: TraceContext | None) -> AbstractContextManager[TraceContext]:
        """Be in a new span, current inside the block."""
        ...


class _Carried:
    """`traced` as a class, which takes a third of the time: every request over NATS is in one."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: TraceContext) -> None:
        self._context = context

    def __enter__(self) -> TraceContext:
        self._token = _current.set(self._context)
        return self._context

    def __exit__(self, *_error: object) -> None:
        _current.reset(self._token)


class PassThrough:
    """Spans that nobody records: the trace is only carried on."""

    def span(self, name: str, parent: TraceContext | None) -> AbstractContextManager[TraceContext]:  # noqa: ARG002 - not recorded
        """Carry the caller's trace on, or start one."""
        return _Carried(parent.child() if parent else TraceContext.new())


SPANS: Final = web.AppKey("wayside_spans", Spans)


def spans_for(settings: ServiceSettings, *, service: str) -> Spans:
    """Return spans that OpenTelemetry records when an endpoint is set (extra `otel`), else the pass-through."""
    if settings.otel_endpoint is None:
        return PassThrough()
    from wayside_service.otel import OtelSpans, exporting_provider  # noqa: PLC0415 - an optional extra

    return OtelSpans(exporting_provider(service, settings.otel_endpoint))
