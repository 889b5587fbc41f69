"""Operations in the metrics and in the logs."""

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from api.guards.operation_counts import OperationCounts
from tests.api.edge import acknowledged, hear, say


async def test_operations_are_counted_by_name_and_errors_by_code(
    http: httpx.AsyncClient, edge: str, token: str
) -> None:
    query = 'query Greeting {hello} mutation Renaming {rename(name: "x")} query Failing {broken}'
    for name in ("Greeting", "Greeting", "Renaming", "Failing", "Missing"):
        await http.post("/graphql", json={"query": query, "operationName": name})
    await http.post("/graphql", json={"query": "query Wrong {nothing}"})
    await http.post("/graphql", json={"query": "{"})
    async with acknowledged(edge, token) as ws:
        await say(ws, {"type": "subscribe", "id": "1", "payload": {"query": "query OnSocket {hello}"}})
        assert (await hear(ws))["type"] == "next"
        assert (await hear(ws))["type"] == "complete"
    text = (await http.get("/metrics")).text
    for line in (
        'tandem_operations_total{kind="query",name="Greeting",outcome="ok"} 2.0',
        'tandem_operations_total{kind="mutation",name="Renaming",outcome="ok"} 1.0',
        'tandem_operations_total{kind="query",name="Failing",outcome="error"} 1.0',
        'tandem_operations_total{kind="query",name="Wrong",outcome="error"} 1.0',
        'tandem_operations_total{kind="query",name="OnSocket",outcome="ok"} 1.0',
        'tandem_errors_total{code="INTERNAL"} 1.0',
    ):
        assert line in text
    assert 'tandem_errors_total{code="BAD_REQUEST"}' in text


def test_names_that_clients_choose_make_few_time_series() -> None:
    registry = CollectorRegistry()
    counts = OperationCounts(registry)
    for n in range(1000):
        counts.count(f"Operation{n}", "query", [])
    counts.count("x" * 1000, "query", [])
    text = generate_latest(registry).decode()
    assert text.count('tandem_operations_total{kind="query"') == 201
    assert 'name="other",outcome="ok"} 801.0' in text
    assert "xxxx" not in text


async def test_the_log_names_workspace_caller_and_operation_and_no_person(
    http: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await http.post("/graphql", json={"query": "query Failing {broken}"})
    lines = capsys.readouterr().out.splitlines()
    [fault] = [line for line in lines if "internal_error" in line]
    [request] = [line for line in lines if "[info" in line and "request " in line]
    for line in (fault, request):
        assert "workspace=" in line
        assert "caller=API_TOKEN/" in line
        assert "Probe" not in line
    assert "operation=Failing" in fault
    await http.get("/healthz")
    assert "workspace=" not in capsys.readouterr().out
