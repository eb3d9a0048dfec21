"""Spans recorded by OpenTelemetry and sent over OTLP. Needs the extra `otel`."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from wayside_service.tracing import TraceContext, traced


def exporting_provider(service: str, endpoint: str) -> TracerProvider:
    """Return a provider that sends spans in batches to `<endpoint>/v1/traces`, and the rest when the process ends."""
    provider = TracerProvider(resource=Resource.create({"service.name": f"wayside-{service}"}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


class OtelSpans:
    """Makes recorded spans. The provider is its own: no global is set."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("wayside_service")

    @contextmanager
    def span(self, name: str, parent: TraceContext | None) -> Iterator[TraceContext]:
        """Record the block as one server span below `parent`."""
        context = set_span_in_context(NonRecordingSpan(_remote(parent))) if parent else None
        with self._tracer.start_as_current_span(name, context=context, kind=SpanKind.SERVER) as span:
            own = span.get_span_context()
            current = TraceContext(f"{own.trace_id:032x}", f"{own.span_id:016x}", f"{own.trace_flags:02x}")
            with traced(current):
                yield current


def _remote(parent: TraceContext) -> SpanContext:
    return SpanContext(
        trace_id=int(parent.trace_id, 16),
        span_id=int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(parent.flags, 16)),
    )
