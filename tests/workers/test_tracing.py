"""One trace from a client's mutation through the job to the call at Xero, and nothing at all while traces are off."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_trace_id

from api.context import Process
from api.http.app import create_app
from api.relay import ids
from api.root import schema
from domain.practice import workspaces
from domain.tables import Scope
from runtime import tracing
from tests.clients import web_client
from tests.traces import OTHER, TRACE, exporter, traceparent
from tests.workers.linked import Linked
from workers.jobs import Job, run

__all__ = ["exporter"]

RENAME = "mutation Rename($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { message } } }"


@pytest.fixture
async def http(exporter: InMemorySpanExporter, linked: Linked) -> AsyncIterator[httpx.AsyncClient]:
    """The API, in addition to the worker, on the same database."""
    here = linked.here.process
    async with linked.here.world.tx() as tx:
        token = (await workspaces.create_token(tx, "Tests", [Scope.ADMIN], within=list(Scope)))[1]
    api = Process(here.settings, here.database, here.keys, here.http, here.notifications)
    app = create_app(api, schema)
    transport, headers = httpx.ASGITransport(app), {"Authorization": f"Bearer {token}"}
    async with (
        app.router.lifespan_context(app),
        web_client(transport=transport, base_url="http://tandem", headers=headers) as client,
    ):
        yield client
    exporter.clear()


async def rename(http: httpx.AsyncClient, linked: Linked, trace: str, **values: str) -> None:
    given = {"contactId": ids.encode("Contact", linked.contact), **values}
    sent = {"query": RENAME, "variables": {"i": given}}
    answer = await http.post("/graphql", json=sent, headers={"traceparent": traceparent(trace)})
    assert answer.json()["data"] == {"updateContact": {"userErrors": []}}


async def send(linked: Linked) -> None:
    job = Job("send_contacts", linked.here.world.workspace, linked.here.world.organisation, "interactive")
    assert await run(linked.here.process, job, asyncio.Event())


def traces(spans: Sequence[ReadableSpan]) -> dict[str, set[str]]:
    """The names of the spans, by trace."""
    found: dict[str, set[str]] = {}
    for span in spans:
        assert span.context is not None
        found.setdefault(format_trace_id(span.context.trace_id), set()).add(span.name)
    return found


async def test_a_mutation_its_job_and_its_call_at_xero_are_one_trace(
    http: httpx.AsyncClient, linked: Linked, exporter: InMemorySpanExporter
) -> None:
    exporter.clear()
    await rename(http, linked, TRACE, name="Renamed Ltd", billingEmail="secret@example.com")
    await send(linked)
    spans = exporter.get_finished_spans()
    assert traces(spans)[TRACE] == {"mutation Rename", "send UPDATE", "POST Contacts"}
    [request] = [span for span in spans if span.name == "mutation Rename"]
    [sending] = [span for span in spans if span.name == "send UPDATE"]
    [call] = [span for span in spans if span.name == "POST Contacts"]
    assert request.context is not None
    assert sending.parent is not None
    assert sending.parent.span_id == request.context.span_id
    assert call.attributes is not None
    assert call.attributes["http.response.status_code"] == 200
    jobs = [span for span in spans if span.name == "job send_contacts"]
    assert {link.context.span_id for link in sending.links} == {
        span.context.span_id for span in jobs if span.context
    }
    written = "".join(span.to_json() for span in spans)
    for private in ("Renamed", "secret@example.com", linked.xero, "Bearer", "tdm_"):
        assert private not in written
    assert await linked.here.world.rows("select id from trace_mark") == []
    assert (await linked.shown())["Name"] == "Renamed Ltd"


async def test_changes_of_two_requests_that_are_sent_together_are_linked(
    http: httpx.AsyncClient, linked: Linked, exporter: InMemorySpanExporter
) -> None:
    await rename(http, linked, TRACE, name="Renamed Ltd")
    await rename(http, linked, OTHER, name="Renamed again Ltd")
    await rename(http, linked, OTHER, billingEmail="x@example.com")
    exporter.clear()
    await send(linked)
    [sending] = [span for span in exporter.get_finished_spans() if span.name == "send UPDATE"]
    assert sending.parent is None
    linked_traces = [format_trace_id(link.context.trace_id) for link in sending.links]
    assert [linked_traces.count(one) for one in (TRACE, OTHER)] == [1, 2]


async def test_an_error_is_named_by_its_class_only(exporter: InMemorySpanExporter) -> None:
    def fail() -> None:
        with tracing.traced("job x"):
            assert len(structlog.contextvars.get_contextvars()["trace_id"]) == 32
            raise ValueError("ada@example.com is taken")

    with pytest.raises(ValueError, match="ada@example"):
        fail()
    assert "trace_id" not in structlog.contextvars.get_contextvars()
    [span] = exporter.get_finished_spans()
    assert span.attributes == {"error.type": "ValueError"}
    assert (span.events, span.status.is_ok) == ((), False)


@pytest.mark.parametrize("sent", ["", "x", "00-0-0-01", "é" * 3000])
def test_a_text_that_is_no_traceparent_begins_a_trace(exporter: InMemorySpanExporter, sent: str) -> None:
    with tracing.traced("request", parents=[sent]):
        pass
    [span] = exporter.get_finished_spans()
    assert span.parent is None


def test_without_a_collector_no_library_is_loaded_and_no_span_is_made() -> None:
    code = (
        "import sys, api.http.app, workers.run\n"
        "from runtime import tracing\n"
        "from runtime.settings import Settings\n"
        "tracing.start(Settings(_env_file=None), 'x')\n"
        "with tracing.traced('x') as span: assert span is None\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
