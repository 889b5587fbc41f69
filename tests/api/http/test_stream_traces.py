"""The operations of sockets and event streams carry the trace, and their log lines the operation."""

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_trace_id

from tests.api.edge import bearer, close_code, hear, open_socket, say
from tests.traces import OTHER, TRACE, exporter, traceparent

__all__ = ["exporter"]


def traces(spans: tuple[ReadableSpan, ...]) -> dict[str, str]:
    """The trace of each span, by its name."""
    return {span.name: format_trace_id(span.context.trace_id) for span in spans if span.context}


async def test_each_operation_of_a_socket_has_a_span_in_the_trace_that_it_names(
    exporter: InMemorySpanExporter, edge: str, token: str
) -> None:
    given = {
        "1": {"query": "query Named {hello}", "extensions": {"traceparent": traceparent(TRACE)}},
        "2": {"query": "query Unnamed {hello}", "extensions": {"traceparent": 7}},
        "3": {"query": "subscription Counting {count(to: 1)}"},
    }
    async with open_socket(edge, additional_headers={"traceparent": traceparent(OTHER)}) as ws:
        await say(ws, {"type": "connection_init", "payload": bearer(token)})
        await hear(ws)
        for number, payload in given.items():
            await say(ws, {"type": "subscribe", "id": number, "payload": payload})
            while (await hear(ws))["type"] != "complete":
                pass
        await ws.close()
        await close_code(ws)
    found = traces(exporter.get_finished_spans())
    assert found["query Named"] == TRACE
    assert found["query Unnamed"] == found["subscription Counting"] == OTHER
    [span] = [each for each in exporter.get_finished_spans() if each.name == "query Named"]
    assert span.attributes is not None
    assert span.attributes["network.protocol.name"] == "graphql-transport-ws"
    assert "tandem.workspace" in span.attributes


async def test_log_lines_of_a_socket_have_the_trace_and_the_operation(
    exporter: InMemorySpanExporter, edge: str, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_socket(edge) as ws:
        await say(ws, {"type": "connection_init", "payload": bearer(token)})
        await hear(ws)
        payload = {"query": "query Failing {broken}", "extensions": {"traceparent": traceparent(TRACE)}}
        await say(ws, {"type": "subscribe", "id": "1", "payload": payload})
        while (await hear(ws))["type"] != "complete":
            pass
    [fault] = [line for line in capsys.readouterr().out.splitlines() if "internal_error" in line]
    for part in (f"trace_id={TRACE}", "operation=Failing", "workspace=", "caller=API_TOKEN/"):
        assert part in fault


async def test_an_event_stream_has_the_span_of_its_request_and_its_log_line_the_operation(
    exporter: InMemorySpanExporter, http: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"query": "subscription Counting {count(to: 3)}"}
    headers = {"accept": "text/event-stream", "traceparent": traceparent(TRACE)}
    answer = await http.post("/graphql", json=body, headers=headers)
    assert answer.text.count("event: next") == 3
    assert traces(exporter.get_finished_spans()) == {"subscription Counting": TRACE}
    [line] = [line for line in capsys.readouterr().out.splitlines() if "[info" in line and "request " in line]
    assert f"trace_id={TRACE}" in line
    assert "operation=Counting" in line
