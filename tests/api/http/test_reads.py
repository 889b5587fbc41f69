"""Known reads: one statement answers them, with the bytes, the headers and the refusals of the usual way."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_trace_id
from sqlalchemy.ext.asyncio import AsyncConnection

from api.context import Process
from api.guards.rate_limit import LEAST
from api.root import plans, schema
from domain.tables import Scope
from runtime.embedded.services import Services
from runtime.read_pool import ReadPool
from runtime.tally import STATEMENT
from tests.api.edge import bearer, codes, make_process, make_token, make_workspace, serving, with_settings
from tests.clients import web_client
from tests.database import Place
from tests.domain.world import Clock
from tests.traces import TRACE, exporter, traceparent

__all__ = ["exporter"]

LIST = "query Page($first: Int) {contacts(first: $first) {totalCount edges {cursor node {id name syncLinks {id}}}}}"
NEW_EACH_TIME = ("x-request-id", "ratelimit", "date")
PAGE = "https://practice.example"
BROWSER = {"origin": PAGE, "accept-encoding": "gzip, deflate, br, zstd", "sec-fetch-mode": "cors"}
# What GraphQL clients send by themselves with a query.
CLIENTS: dict[str, dict[str, str]] = {
    "Apollo Client 4": {**BROWSER, "accept": "application/graphql-response+json,application/json;q=0.9"},
    "Apollo Client 3": {**BROWSER, "accept": "*/*"},
    "urql": {
        **BROWSER,
        "accept": "application/graphql-response+json, application/graphql+json, application/json, text/event-stream,"
        " multipart/mixed",
    },
    "Relay with fetch": {**BROWSER, "accept": "*/*", "content-type": "application/json; charset=UTF-8"},
    "GraphiQL": {**BROWSER, "accept": "application/json, multipart/mixed"},
    "a page that may not read the answer": {**BROWSER, "origin": "https://elsewhere.example"},
    "a Node server": {"accept": "*/*", "accept-encoding": "gzip, deflate", "accept-language": "*"},
    "gzip only": {"origin": PAGE, "accept-encoding": "gzip"},
    "no compression": {"origin": PAGE, "accept-encoding": "identity"},
    "a page without Accept-Encoding": {"origin": PAGE},
    "a trace": {"traceparent": traceparent(TRACE)},
}


class Stage(NamedTuple):
    http: httpx.AsyncClient
    process: Process
    workspace: UUID
    token: str

    async def ask(
        self, headers: dict[str, str] | None = None, extensions: object = None, /, **variables: object
    ) -> httpx.Response:
        body = {"query": LIST, "variables": variables, "extensions": extensions}
        return await self.http.post("/graphql", json=body, headers=headers)

    async def known(
        self, headers: dict[str, str] | None = None, extensions: object = None, /, **variables: object
    ) -> httpx.Response:
        """The answer of a read that took one statement."""
        await self.ask(**variables)  # now the token and the document are known
        before = self.process.database.statements
        answer = await self.ask(headers, extensions, **variables)
        assert (
            self.process.database.statements - before <= 2
        )  # the second opens the transaction where there is no pool
        return answer


async def fill(owner: AsyncConnection, workspace: UUID, *names: str) -> None:
    statement = (
        "insert into contact (workspace_id, id, name, kind, needs_review, created_at, updated_at, version, name_key,"
        " search_key, key_version, field_times) select :ws, gen_random_uuid(), n, 'PERSON', false, now(), now(), 1, n, n, 1, '{}'"
        " from unnest(cast(:names as text[])) n"
    )
    await owner.execute(sa.text(statement), {"ws": workspace, "names": list(names)})


@pytest.fixture(params=[0, 1], ids=["transactions", "read pool"])
async def stage(
    request: pytest.FixtureRequest, clean: Place, services: Services, owner: AsyncConnection
) -> AsyncIterator[Stage]:
    async with make_process(clean, services, {"clock": Clock()}, allowed_origins=[PAGE]) as process:
        if request.param:
            process = replace(process, reads=ReadPool(process.database, request.param, 5.0, "test"))
        workspace = await make_workspace(owner)
        token = await make_token(owner, Scope.READ, workspace=workspace)
        await fill(owner, workspace, "Ada", "Bo")
        async with serving(process, schema=schema) as place, web_client(base_url=f"http://{place}") as http:
            http.headers.update(bearer(token))
            del http.headers["accept-encoding"]
            yield Stage(http, process, workspace, token)
        if process.reads is not None:
            await process.reads.close()


def shown(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    headers = {name: value for name, value in answer.headers.items() if name not in NEW_EACH_TIME}
    data = answer.content.partition(b',"extensions":{"cost"')[0]
    headers["content-length"] = ""  # the digits of `cost.remaining` may be fewer
    return answer.status_code, data, headers


async def test_a_known_read_has_the_bytes_and_headers_of_the_usual_way(stage: Stage) -> None:
    by_statement = shown(await stage.known())
    plans.are_used = False
    try:
        assert shown(await stage.ask()) == by_statement
    finally:
        plans.are_used = True
    assert b"Ada" in by_statement[1]


async def test_the_clients_that_people_use_get_known_reads_as_they_get_others(
    stage: Stage, owner: AsyncConnection
) -> None:
    await fill(owner, stage.workspace, *(f"{n} {'long' * 60}" for n in range(40)))
    extensions = {"clientLibrary": {"name": "@apollo/client", "version": "4.0.0"}}
    known = {
        (name, first): shown(await stage.known(headers, extensions, first=first))
        for name, headers in CLIENTS.items()
        for first in (1, 100)
    }
    plans.are_used = False
    try:
        for (name, first), answer in known.items():
            assert shown(await stage.ask(CLIENTS[name], extensions, first=first)) == answer, name
    finally:
        plans.are_used = True
    assert [
        known[name, 100][2].get("content-encoding") for name in ("urql", "gzip only", "no compression")
    ] == [
        "br",
        "gzip",
        None,
    ]
    assert known["Apollo Client 4", 1][2]["access-control-allow-origin"] == PAGE


async def test_a_document_that_is_named_by_its_hash_is_a_known_read(stage: Stage) -> None:
    name = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(LIST.encode()).hexdigest()}}
    whole = await stage.ask(None, name, first=2)
    before = stage.process.database.statements
    answer = await stage.http.post("/graphql", json={"extensions": name, "variables": {"first": 2}})
    assert shown(answer) == shown(whole)
    assert stage.process.database.statements - before <= 2


async def test_a_known_read_names_its_span(stage: Stage, exporter: InMemorySpanExporter) -> None:
    await stage.known(CLIENTS["a trace"])
    usual, known = exporter.get_finished_spans()
    assert known.context is not None
    assert known.name == usual.name == "query Page"
    assert known.attributes == usual.attributes
    assert format_trace_id(known.context.trace_id) == TRACE


async def test_a_known_read_shows_its_cost(stage: Stage) -> None:
    usual = (await stage.ask()).json()["extensions"]["cost"]
    cost = (await stage.known()).json()["extensions"]["cost"]
    assert cost.keys() == usual.keys()
    assert (
        cost["actual"] == 1 + 2 + 2 + 2 + STATEMENT
    )  # the list, edges, contacts, and the statement with its rows


@pytest.mark.parametrize("change", ["revoked_at = now()", "expires_at = '2000-01-01Z'"])
async def test_a_token_that_has_ended_ends_known_reads_at_once(
    stage: Stage, owner: AsyncConnection, change: str
) -> None:
    assert (await stage.known()).status_code == 200
    await owner.execute(
        sa.text(f"update api_token set {change} where workspace_id = :ws"), {"ws": stage.workspace}
    )
    assert codes(await stage.ask()) == ["UNAUTHENTICATED"]


async def test_a_scope_that_is_taken_away_ends_known_reads_at_once(
    stage: Stage, owner: AsyncConnection
) -> None:
    assert (await stage.known()).status_code == 200
    await owner.execute(
        sa.text("update api_token set scopes = '{}' where workspace_id = :ws"), {"ws": stage.workspace}
    )
    assert codes(await stage.ask()) == ["FORBIDDEN"]


async def test_two_practices_on_one_connection_see_their_own_contacts(
    stage: Stage, owner: AsyncConnection
) -> None:
    other = await make_workspace(owner)
    await fill(owner, other, "Cy")
    theirs = bearer(await make_token(owner, Scope.READ, workspace=other))
    for _ in range(3):
        assert b"Ada" in (await stage.ask()).content
        answer = await stage.http.post("/graphql", json={"query": LIST}, headers=theirs)
        assert [edge["node"]["name"] for edge in answer.json()["data"]["contacts"]["edges"]] == ["Cy"]


async def test_a_connection_with_the_setting_of_another_workspace_shows_no_row(
    stage: Stage, owner: AsyncConnection
) -> None:
    other = await make_workspace(owner)
    statement = "select name from contact where workspace_id = :other"
    if stage.process.reads is None:
        async with stage.process.database.reading(other) as reader:
            rows = await reader.records(statement, other=stage.workspace)
    else:
        rows = await stage.process.reads.read(other, statement, {"other": stage.workspace})
    assert rows == []


async def test_a_refused_read_is_answered_in_the_usual_way(stage: Stage) -> None:
    await stage.known(first=1)
    for variables in ({"first": 0}, {"first": "x"}):
        answer = shown(await stage.ask(**variables))
        plans.are_used = False
        try:
            assert shown(await stage.ask(**variables)) == answer
        finally:
            plans.are_used = True
        assert b"errors" in answer[1]
    body = b'{"query": "%s"}' % (b" " * 1_000_001)
    large = await stage.http.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert large.status_code == 413


async def test_known_reads_count_for_the_minute(stage: Stage) -> None:
    process = with_settings(stage.process, rate_limit_caller=500)
    async with serving(process, schema=schema) as place, web_client(base_url=f"http://{place}") as http:
        http.headers.update(bearer(stage.token))
        del http.headers["accept-encoding"]
        answers = [
            await http.post("/graphql", json={"query": LIST, "variables": {"first": 1}}) for _ in range(12)
        ]
    good = [each.json()["extensions"]["cost"]["requested"] for each in answers if each.status_code == 200]
    assert [each.status_code for each in answers] == [200] * len(good) + [429] * (12 - len(good))
    assert 2 < len(good) < 12
    left = 500 - sum(max(LEAST, requested) for requested in good)
    assert answers[len(good) - 1].headers["ratelimit"].split(";")[1] == f"r={left}"
