from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.service.sample import SECRET

from wayside_service.otel import OtelSpans
from wayside_service.settings import ServiceSettings
from wayside_service.tracing import PassThrough, TraceContext, current_traceparent, spans_for, traced

CALLER = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "01")


def test_a_header_is_read_and_written_alike() -> None:
    assert TraceContext.parse(str(CALLER)) == CALLER


def test_a_trace_is_current_inside_the_block_only() -> None:
    with traced(CALLER):
        assert current_traceparent() == str(CALLER)
    assert current_traceparent() is None


def test_without_an_endpoint_traces_are_passed_through() -> None:
    settings = ServiceSettings(jwt_secret=SECRET)  # type: ignore[arg-type]
    assert isinstance(spans_for(settings, service="notes"), PassThrough)


def test_opentelemetry_records_a_span_below_the_callers() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with OtelSpans(provider).span("GET /v1/notes", CALLER) as inside:
        assert current_traceparent() == str(inside)
    (span,) = exporter.get_finished_spans()
    assert span.name == "GET /v1/notes"
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == CALLER.span_id
    assert (inside.trace_id, inside.flags) == (CALLER.trace_id, "01")
