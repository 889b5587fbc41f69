"""How answers travel: compressed where they are large, with headers that protect browsers, and the operator's addresses apart."""

import asyncio
import base64
import gzip
import hashlib
import json
import re
import socket
from contextlib import suppress

import brotli
import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from api.context import Process
from api.http import graphiql_page
from api.http.app import create_app
from api.http.compression import choose_coding
from api.http.health import find_reasons
from api.http.serve import serving_ops
from runtime.migrations import head
from tests.api.edge import bearer, serving, small_schema, with_settings
from tests.clients import web_client
from tests.patience import patience

LARGE = "{things(first: 100) {" + " ".join(f"name{n}: name" for n in range(12)) + "}}"
PROTECTED = {
    "content-security-policy": "default-src 'none'; ",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


async def raw(http: httpx.AsyncClient, query: str, accept: str) -> tuple[httpx.Headers, bytes]:
    headers = {"accept-encoding": accept}
    async with http.stream("POST", "/graphql", json={"query": query}, headers=headers) as answer:
        return answer.headers, b"".join([chunk async for chunk in answer.aiter_raw()])


async def test_large_answers_are_compressed_for_clients_that_can_read_them(http: httpx.AsyncClient) -> None:
    headers, plain = await raw(http, LARGE, "identity")
    assert "content-encoding" not in headers
    assert len(plain) > 8_192
    for accept, coding, unpack in (("gzip, br", "br", brotli.decompress), ("gzip", "gzip", gzip.decompress)):
        headers, packed = await raw(http, LARGE, accept)
        assert headers["content-encoding"] == coding
        assert json.loads(unpack(packed))["data"] == json.loads(plain)["data"]
        assert "accept-encoding" in headers["vary"].lower()
        headers, small = await raw(http, "{hello}", accept)
        assert "content-encoding" not in headers
        assert json.loads(small)["data"] == {"hello": "Hello you"}


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("br", "br"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=0.8, br;q=0.2", "gzip"),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("br;q=0, gzip;q=0", None),
        ("*", "br"),
        ("*;q=0.5, br;q=0", "gzip"),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("BR;Q=1", "br"),
        ("gzip;q=high", None),
    ],
)
def test_the_coding_is_the_one_that_the_client_prefers(accept: str, coding: str | None) -> None:
    assert choose_coding(accept) == coding


async def test_an_event_stream_is_not_compressed(http: httpx.AsyncClient) -> None:
    headers = {"accept": "text/event-stream", "accept-encoding": "gzip, br"}
    body = {"query": "subscription {count(to: 2000)}"}
    async with http.stream("POST", "/graphql", json=body, headers=headers) as answer:
        assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/graphql", "/healthz", "/readyz", "/metrics", "/nowhere", "/oauth/callback"]
)
async def test_every_answer_has_the_security_headers(stranger: httpx.AsyncClient, path: str) -> None:
    answer = await stranger.get(path)
    for name, value in PROTECTED.items():
        assert answer.headers[name].startswith(value), name
    assert "strict-transport-security" not in answer.headers


async def test_under_https_browsers_are_told_to_keep_to_https(process: Process) -> None:
    https = with_settings(process, public_url="https://tandem.example.com")
    async with serving(https) as edge, web_client(base_url=f"http://{edge}") as http:
        assert (await http.get("/healthz")).headers["strict-transport-security"] == "max-age=31536000"


async def test_readyz_and_metrics_need_the_operators_token_if_one_is_set(
    process: Process, token: str
) -> None:
    guarded = with_settings(process, ops_token=SecretStr("only-for-the-operator"))
    async with serving(guarded) as edge, web_client(base_url=f"http://{edge}") as http:
        for path in ("/readyz", "/metrics"):
            for headers in ({}, bearer(token), bearer("only-for-the-operators")):
                answer = await http.get(path, headers=headers)
                assert answer.status_code == 401
                assert "reasons" not in answer.text
            assert (await http.get(path, headers=bearer("only-for-the-operator"))).status_code in (200, 503)
        assert (await http.get("/healthz")).status_code == 200


async def test_the_operators_addresses_have_a_port_of_their_own(process: Process) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    apart = with_settings(process, ops_port=port)
    app = create_app(apart, small_schema())
    ops = f"http://127.0.0.1:{port}"
    async with serving(apart) as edge, serving_ops(apart, app), web_client(base_url=f"http://{edge}") as http:
        assert [(await http.get(path)).status_code for path in ("/readyz", "/metrics")] == [404, 404]
        assert (await http.get("/healthz")).status_code == 200
        await until_answered(http, f"{ops}/healthz")
        assert "ready" in (await http.get(f"{ops}/readyz")).json()
        assert "tandem_pool_size" in (await http.get(f"{ops}/metrics")).text
        assert (await http.post(f"{ops}/graphql", json={"query": "{hello}"})).status_code == 404
    async with web_client() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{ops}/healthz")


async def until_answered(http: httpx.AsyncClient, address: str) -> None:
    async with patience(60):
        while True:
            with suppress(httpx.ConnectError):
                await http.get(address)
                return
            await asyncio.sleep(0.01)


async def test_a_database_that_a_later_version_migrated_is_ready_and_an_older_one_is_not(
    process: Process, owner: AsyncConnection
) -> None:
    """This version goes on until it is replaced: a rolling upgrade migrates first."""
    await owner.execute(sa.text("delete from xero_grant"))
    try:
        for revision, ready in (("a-later-one", True), ("baseline", False), (head(), True)):
            await owner.execute(sa.text("update alembic_version set version_num = :v"), {"v": revision})
            assert (not (await find_reasons(process)).reasons) == ready
    finally:
        await owner.execute(sa.text("update alembic_version set version_num = :v"), {"v": head()})


def test_the_page_of_graphiql_loads_only_its_own_scripts() -> None:
    """If Strawberry names other versions, put these into api/http/graphiql: `npm pack NAME@VERSION` fetches them."""
    html, policy = graphiql_page.page()
    named = re.findall(r'(?:src|href)="(/graphiql/[^"]+)"\s+integrity="sha384-([^"]+)"', html)
    assert len(named) == 7
    assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]+"', html) == []
    for path, wanted in named:
        content = (graphiql_page.FOLDER / path.removeprefix("/graphiql/")).read_bytes()
        assert base64.b64encode(hashlib.sha384(content).digest()).decode() == wanted, path
    assert "unsafe-eval" not in policy
    assert "http" not in policy


async def test_graphiqls_scripts_are_served_where_graphiql_is_on(
    process: Process, stranger: httpx.AsyncClient
) -> None:
    script = "/graphiql/react@18.2.0/umd/react.production.min.js"
    assert (await stranger.get(script)).status_code == 404
    async with (
        serving(with_settings(process, graphiql=True)) as edge,
        web_client(base_url=f"http://{edge}") as http,
    ):
        page = await http.get("/graphql", headers={"accept": "text/html"})
        assert page.headers["content-security-policy"] == graphiql_page.page().policy
        found = await http.get(script)
        assert (found.status_code, found.headers["x-content-type-options"]) == (200, "nosniff")
        assert "javascript" in found.headers["content-type"]
        assert (await http.get("/graphiql/../view.py")).status_code == 404
        assert (await http.get("/graphiql/%2e%2e/view.py")).status_code == 404
