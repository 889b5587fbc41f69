"""Traces of requests, jobs and calls to Xero (OpenTelemetry), from the client's mutation to the call that it causes.

Off unless OTEL_EXPORTER_OTLP_ENDPOINT is set: then no library is loaded, and no span is made. An attribute holds ids, names of
operations, methods, endpoints and statuses; never a value of a contact or an invoice, a name of a person, a token or a text of an
error. Xero gets no `traceparent`.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, Protocol

import httpx
import structlog

from runtime.settings import Settings

Kind = Literal["internal", "server", "client"]
Value = str | int
LONGEST_NAME = 60


class Span(Protocol):
    """`traceparent`: how W3C writes the span; None if it is not sampled."""

    @property
    def traceparent(self) -> str | None: ...
    @property
    def trace_id(self) -> str: ...
    def rename(self, name: str) -> None: ...
    def set(self, name: str, value: Value) -> None: ...
    def end(self, error: str | None) -> None: ...


class Tracer(Protocol):
    def open_span(
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        links: Collection[str],
        attributes: Mapping[str, Value],
    ) -> Span: ...
    def close(self) -> None: ...


class _Tracing:
    tracer: Tracer | None = None


_tracing = _Tracing()
_active: ContextVar[Span | None] = ContextVar("active_span", default=None)


def start(settings: Settings, program: str) -> None:
    """Turn traces on, if the settings name a collector."""
    if settings.otel_exporter_otlp_endpoint is not None:
        from runtime.otel import exporting  # noqa: PLC0415 - loaded only if traces are wanted

        use(exporting(settings, program))


def use(tracer: Tracer | None) -> None:
    _tracing.tracer = tracer


def stop() -> None:
    """Send the spans that are left, and turn traces off."""
    tracer, _tracing.tracer = _tracing.tracer, None
    if tracer is not None:
        tracer.close()


def is_on() -> bool:
    return _tracing.tracer is not None


def active() -> Span | None:
    """The span of this task; None while traces are off."""
    return _active.get()


def traceparent() -> str | None:
    """The active span for somebody who continues the trace later. None if there is none, or if it is not sampled."""
    span = _active.get()
    return span.traceparent if span is not None else None


@contextmanager
def traced(
    name: str,
    *,
    kind: Kind = "internal",
    parents: Collection[str] = (),
    attributes: Mapping[str, Value] | None = None,
) -> Iterator[Span | None]:
    """A span around the block; None while traces are off. The log lines of the block have its trace's id.

    Without `parents` (texts of traceparent) the active span is the parent. A span with one parent continues the parent's
    trace. Of several, none is: the span begins a trace of its own and has a link to each, and to the active span. An error
    that the block raises is named by its class only, because its text may hold personal data.
    """
    tracer, outer = _tracing.tracer, _active.get()
    if tracer is None:
        yield None
        return
    around = outer.traceparent if outer is not None else None
    distinct = dict.fromkeys(parents)
    parent = next(iter(distinct)) if len(distinct) == 1 else None if distinct else around
    links = [one for one in (*distinct, *((around,) if around and distinct else ())) if one != parent]
    span = tracer.open_span(name, kind, parent, links, attributes or {})
    mark, error = _active.set(span), None
    try:
        with structlog.contextvars.bound_contextvars(trace_id=span.trace_id):
            yield span
    except BaseException as raised:
        error = type(raised).__name__
        raise
    finally:
        _active.reset(mark)
        span.end(error)


class TracedClient(httpx.AsyncClient):
    """A span for each request to Xero: its method, endpoint and status. The rest of the path may hold a number or an id."""

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        endpoint = request.url.path.removeprefix("/api.xro/2.0").strip("/").partition("/")[0]
        attributes: dict[str, Value] = {
            "http.request.method": request.method,
            "server.address": request.url.host,
            "tandem.endpoint": endpoint,
        }
        with traced(f"{request.method} {endpoint}", kind="client", attributes=attributes) as span:
            answer = await super().send(request, **options)
            if span is not None:
                span.set("http.response.status_code", answer.status_code)
            return answer


def client_class() -> type[httpx.AsyncClient]:
    """The class of the client that calls Xero: httpx's own while traces are off."""
    return TracedClient if is_on() else httpx.AsyncClient
