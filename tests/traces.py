"""Traces that a client names, and the spans that are exported."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runtime import tracing
from runtime.otel import OtelTracer

TRACE, OTHER = "4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"
SPAN = "00f067aa0ba902b7"


def traceparent(trace: str) -> str:
    return f"00-{trace}-{SPAN}-01"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    found = InMemorySpanExporter()
    tracing.use(OtelTracer(SimpleSpanProcessor(found), "tests"))
    yield found
    tracing.stop()
