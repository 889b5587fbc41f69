"""PostgreSQL restarts, or all its connections are busy: what clients get and what the log shows."""

import asyncio
import json
import logging
import re
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry.types import Info
from websockets import ConnectionClosed

from api.auth.tokens import require
from api.context import Context, Process
from api.guards.extensions import edge_config, edge_extensions
from domain.tables import Scope
from runtime.embedded.services import Services
from tests.api.edge import (
    acknowledged,
    ask,
    bearer,
    close_code,
    codes,
    data,
    hear,
    make_process,
    open_socket,
    say,
    serving,
)
from tests.database import Place, failing, rows_of
from tests.patience import patience
from tests.postgres_relay import Relay, relayed

during: list[Callable[[], object]] = []  # what happens within the next transaction, before its statement
refusals: list[str] = []  # SQLSTATEs that PostgreSQL answers to the next statements


async def read_number(info: Info[Context, None]) -> int:
    async with info.context.transaction() as tx:
        if during:
            during.pop()()
            await asyncio.sleep(0)  # the connection's end is noticed
        if refusals:
            await tx.run(failing(refusals.pop()))
        rows = await rows_of(tx, "select 1 as n")
    number: int = rows[0]["n"]
    return number


async def read_perhaps(info: Info[Context, None]) -> int | None:
    return await read_number(info)


async def count_up(info: Info[Context, None]) -> AsyncGenerator[int, None]:
    for number in range(3):
        yield number
    await asyncio.Event().wait()


@strawberry.type
class Tick:
    number: int
    read: int | None = strawberry.field(resolver=read_perhaps)


async def tick() -> AsyncGenerator[Tick, None]:
    for number in range(3):
        yield Tick(number=number)


async def broken_tick() -> AsyncGenerator[Tick, None]:
    yield Tick(number=1)
    raise RuntimeError("the secret of the cellar")


@strawberry.type
class Query:
    number: int = strawberry.field(resolver=read_number)
    perhaps: int | None = strawberry.field(resolver=read_perhaps)

    @strawberry.field
    def plain(self) -> str:
        return "plain"


@strawberry.type
class Mutation:
    change: int | None = strawberry.mutation(resolver=read_perhaps)


READ: Any = [require(Scope.READ)]


@strawberry.type
class Subscription:
    tick: AsyncGenerator[Tick, None] = strawberry.subscription(resolver=tick, extensions=READ)
    broken_tick: AsyncGenerator[Tick, None] = strawberry.subscription(resolver=broken_tick, extensions=READ)


SCHEMA = strawberry.Schema(Query, Mutation, Subscription, config=edge_config(), extensions=edge_extensions())


@pytest.fixture
async def relay(place: Place) -> AsyncIterator[Relay]:
    with tempfile.TemporaryDirectory(prefix="relay-") as folder:
        async with relayed(place.app_url, Path(folder)) as made:
            yield made


@pytest.fixture
async def process(relay: Relay, place: Place, services: Services) -> AsyncIterator[Process]:
    async with make_process(place, services, pool={"url": relay.url}) as made:
        yield made


@pytest.fixture
async def edge(process: Process) -> AsyncIterator[str]:
    async with serving(process, schema=SCHEMA) as address:
        yield address


@pytest.fixture(autouse=True)
def nothing_planned() -> None:
    during.clear()
    refusals.clear()


async def starting_up(relay: Relay) -> None:
    await relay.refuse("57P03", "the database system is starting up")


async def too_many(relay: Relay) -> None:
    await relay.refuse("53300", "sorry, too many clients already")


async def without_memory(relay: Relay) -> None:
    await relay.refuse("53200", "out of memory")


async def shut_out(relay: Relay) -> None:
    await relay.refuse("28P01", "password authentication failed")


OUTAGES = {
    "socket file missing": Relay.stop,
    "starting up": starting_up,
    "full": too_many,
    "without memory": without_memory,
    "shut out": shut_out,
}


def assert_unavailable(answer: httpx.Response) -> None:
    assert (answer.status_code, codes(answer)) == (503, ["UNAVAILABLE"])
    assert int(answer.headers["retry-after"]) > 0
    assert "Try again in a moment" in answer.json()["errors"][0]["message"]


def assert_calm(written: str) -> None:
    """An outage is one line in the log, without a traceback."""
    assert "internal_error" not in written
    assert "Traceback" not in written


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
@pytest.mark.parametrize("outage", OUTAGES)
async def test_a_query_gets_503_without_postgresql_and_runs_when_it_is_back(
    http: httpx.AsyncClient,
    relay: Relay,
    outage: str,
    accept: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    http.headers["accept"] = accept
    assert data(await ask(http, "{number}")) == {"number": 1}
    await OUTAGES[outage](relay)
    for _ in range(2):
        assert_unavailable(await ask(http, "{number}"))
    await relay.start()
    assert data(await ask(http, "{number}")) == {"number": 1}
    written = capsys.readouterr().out + caplog.text
    assert_calm(written)
    assert "database_unavailable" in written


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
async def test_an_outage_during_a_query_is_unavailable_and_not_internal(
    http: httpx.AsyncClient, relay: Relay, accept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    http.headers["accept"] = accept
    during.append(relay.cut)
    answer = await ask(http, "{number}")
    assert_unavailable(answer)
    assert answer.json()["data"] is None
    during.append(relay.cut)
    answer = await ask(http, "{plain perhaps}")
    assert (answer.status_code, codes(answer)) == (200, ["UNAVAILABLE"])
    assert answer.json()["data"] == {"plain": "plain", "perhaps": None}
    assert_calm(capsys.readouterr().out)
    assert data(await ask(http, "{number perhaps}")) == {"number": 1, "perhaps": 1}


@pytest.mark.parametrize("sqlstate", ["25006", "40001", "55P03", "53300", "57P01"])
async def test_an_error_that_a_repeat_can_pass_is_unavailable(
    http: httpx.AsyncClient, edge: str, token: str, sqlstate: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refusals.append(sqlstate)
    assert_unavailable(await ask(http, "{number}"))
    refusals.append(sqlstate)
    answer = await ask(http, "mutation {change}")
    assert codes(answer) == ["UNAVAILABLE"]
    assert "Try again in a moment" in answer.json()["errors"][0]["message"]
    refusals.append(sqlstate)
    async with acknowledged(edge, token) as ws:
        query = "subscription {tick {number read}}"
        await say(ws, {"type": "subscribe", "id": "1", "payload": {"query": query}})
        assert await close_code(ws) == 1013
    assert_calm(capsys.readouterr().out)


async def test_a_mutation_says_whether_its_change_may_have_been_saved(
    http: httpx.AsyncClient, relay: Relay, process: Process
) -> None:
    engine = process.database.engine.sync_engine

    def cut_at_commit() -> None:
        sa.event.listen(engine, "commit", lambda _: relay.cut(), once=True)

    during.append(relay.cut)
    answer = await ask(http, "mutation {change}")
    assert codes(answer) == ["UNAVAILABLE"]
    assert "Try again in a moment" in answer.json()["errors"][0]["message"]

    for query, says in (
        ("mutation {change}", "Read whether the change was saved"),
        ("{perhaps}", "Try again in a moment"),
    ):
        during.append(cut_at_commit)
        answer = await ask(http, query)
        assert codes(answer) == ["UNAVAILABLE"]
        assert says in answer.json()["errors"][0]["message"]


async def test_a_query_is_answered_in_time_when_every_connection_is_busy(
    place: Place, services: Services, token: str
) -> None:
    pool = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.2}
    async with (
        make_process(place, services, pool=pool) as process,
        serving(process, schema=SCHEMA) as edge,
        httpx.AsyncClient(base_url=f"http://{edge}", headers=bearer(token)) as http,
    ):
        async with process.database.door() as session:
            await session.execute(sa.text("select 1"))
            busy = asyncio.create_task(ask(http, "{number}"))
            assert_unavailable(await busy)
        assert data(await ask(http, "{number}")) == {"number": 1}
        metrics = (await http.get("/metrics")).text
    assert "tandem_pool_size 1.0" in metrics
    assert "tandem_pool_timeouts 1.0" in metrics


async def test_metrics_show_the_pool(http: httpx.AsyncClient, process: Process) -> None:
    await ask(http, "{number}")
    async with process.database.door() as session:
        await session.execute(sa.text("select 1"))
        text = (await http.get("/metrics")).text
    found = dict(re.findall(r'^tandem_pool_connections\{state="(\w+)"\} ([\d.]+)$', text, re.MULTILINE))
    assert float(found["in_use"]) >= 1.0
    assert "idle" in found
    assert "tandem_pool_size 4.0" in text


async def test_a_socket_is_asked_to_try_again_when_its_token_cannot_be_checked(
    edge: str, relay: Relay, token: str
) -> None:
    await relay.stop()
    async with open_socket(edge) as ws:
        await say(ws, {"type": "connection_init", "payload": bearer(token)})
        assert await close_code(ws) == 1013


@pytest.mark.parametrize("field", ["tick", "brokenTick"])
async def test_a_failed_subscription_closes_its_socket_without_complete(
    edge: str, relay: Relay, token: str, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its client subscribes again from its last cursor; after `complete` it would not."""
    async with acknowledged(edge, token) as ws:
        if field == "tick":
            during.append(relay.cut)
        query = f"subscription {{{field} {{number read}}}}"
        await say(ws, {"type": "subscribe", "id": "1", "payload": {"query": query}})
        heard: list[Any] = []
        with suppress(ConnectionClosed):
            async for message in ws:
                heard.append(json.loads(message))
        assert await close_code(ws) == 1013
    told = [] if field == "tick" else [{"data": {"brokenTick": {"number": 1, "read": 1}}}]
    assert [(each["type"], each["payload"]) for each in heard] == [("next", payload) for payload in told]
    assert ("internal_error" in capsys.readouterr().out) == (field == "brokenTick")


@pytest.mark.parametrize("field", ["tick", "brokenTick"])
async def test_a_failed_event_stream_ends_without_complete(
    http: httpx.AsyncClient, relay: Relay, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    if field == "tick":
        during.append(relay.cut)
    body = {"query": f"subscription {{{field} {{number read}}}}"}
    answer = await http.post("/graphql", json=body, headers={"accept": "text/event-stream"})
    assert answer.status_code == 200
    assert answer.text.count("event: next") == (0 if field == "tick" else 1)
    assert "errors" not in answer.text
    assert "complete" not in answer.text
    assert_calm(caplog.text)


async def test_the_oauth_callback_gets_503_without_postgresql(
    http: httpx.AsyncClient, relay: Relay, capsys: pytest.CaptureFixture[str]
) -> None:
    await relay.stop()
    answers = [
        await http.get("/oauth/callback", params={"state": "x", "code": "y"}),
        await http.post("/oauth/confirm", data={"token": "x", "answer": "yes"}),
    ]
    for answer in answers:
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
        assert answer.headers["content-type"].startswith("text/html")
    assert_calm(capsys.readouterr().out)


async def hang_up(edge: str, path: str, *lines: str) -> None:
    """Half a body, and the client is gone."""
    host, port = edge.split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = [f"POST {path} HTTP/1.1", "Host: x", "Content-Length: 1000", *lines]
    writer.write(("\r\n".join(head) + "\r\n\r\n{").encode())
    await writer.drain()
    await asyncio.sleep(0.2)  # the request has begun
    writer.transport.abort()


@pytest.mark.parametrize("path", ["/graphql", "/oauth/confirm"])
async def test_a_client_that_hangs_up_before_its_body_is_read_is_no_error(
    edge: str,
    token: str,
    path: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    kind = "application/json" if path == "/graphql" else "application/x-www-form-urlencoded"
    written = ""
    await hang_up(edge, path, f"Authorization: Bearer {token}", f"Content-Type: {kind}")
    async with patience(30):
        while "status=499" not in written:
            await asyncio.sleep(0.05)
            written += capsys.readouterr().out
    assert_calm(written + caplog.text)


async def test_a_client_that_hangs_up_during_an_answer_is_no_error(
    edge: str, token: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        async with acknowledged(edge, token) as ws:
            for number in range(20):
                query = "subscription {tick {number read}}"
                await say(ws, {"type": "subscribe", "id": str(number), "payload": {"query": query}})
            await hear(ws)
            ws.transport.abort()
    written = ""
    async with patience(30):
        while written.count("status=101") < 5:
            await asyncio.sleep(0.05)
            written += capsys.readouterr().out
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == []
    assert_calm(written + caplog.text)


async def test_a_wrong_statement_of_ours_is_an_internal_error(
    http: httpx.AsyncClient, owner: AsyncConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only an outage is UNAVAILABLE."""

    def wrong() -> None:
        raise RuntimeError("the secret of the cellar")

    during.append(wrong)
    assert codes(await ask(http, "{number}")) == ["INTERNAL"]
    assert "internal_error" in capsys.readouterr().out
