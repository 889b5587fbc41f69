"""The spans of `runtime.tracing` as OpenTelemetry's SDK makes and exports them. Only `runtime.tracing` loads this module, and only
if traces are wanted."""

from collections.abc import Collection, Iterator, Mapping

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from runtime.settings import Settings
from runtime.tracing import Kind, Value

_PROPAGATOR = TraceContextTextMapPropagator()
_KINDS: dict[Kind, trace.SpanKind] = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
}


class OtelSpan:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str | None:
        context = self._span.get_span_context()
        if not context.trace_flags.sampled:
            return None
        return f"00-{trace.format_trace_id(context.trace_id)}-{trace.format_span_id(context.span_id)}-01"

    @property
    def trace_id(self) -> str:
        return trace.format_trace_id(self._span.get_span_context().trace_id)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def set(self, name: str, value: Value) -> None:
        self._span.set_attribute(name, value)

    def end(self, error: str | None) -> None:
        if error is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()


class OtelTracer:
    def __init__(
        self, processor: SpanProcessor, program: str, service: str = "tandem", ratio: float = 1
    ) -> None:
        resource = Resource({"service.name": service, "service.instance.id": program})
        sampler = ParentBased(TraceIdRatioBased(ratio))
        self._provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("tandem")

    def open_span(
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        links: Collection[str],
        attributes: Mapping[str, Value],
    ) -> OtelSpan:
        """A text that is no traceparent is left out: a client may send any."""
        context = _PROPAGATOR.extract({"traceparent": parent} if parent else {})
        span = self._tracer.start_span(
            name, context=context, kind=_KINDS[kind], attributes=dict(attributes), links=list(_links(links))
        )
        return OtelSpan(span)

    def close(self) -> None:
        self._provider.shutdown()


def _links(parents: Collection[str]) -> Iterator[trace.Link]:
    for parent in parents:
        found = trace.get_current_span(_PROPAGATOR.extract({"traceparent": parent})).get_span_context()
        if found.is_valid:
            yield trace.Link(found)


def exporting(settings: Settings, program: str) -> OtelTracer:
    """A tracer that sends its spans to the collector over HTTP, from a thread of its own. A collector that does not answer delays
    nothing: spans are dropped when 2,048 wait."""
    assert settings.otel_exporter_otlp_endpoint is not None
    headers = settings.otel_exporter_otlp_headers
    exporter = OTLPSpanExporter(
        endpoint=f"{settings.otel_exporter_otlp_endpoint}/v1/traces",
        headers=dict(pair.split("=", 1) for pair in headers.get_secret_value().split(","))
        if headers
        else None,
    )
    return OtelTracer(
        BatchSpanProcessor(exporter), program, settings.otel_service_name, settings.otel_traces_sampler_arg
    )
