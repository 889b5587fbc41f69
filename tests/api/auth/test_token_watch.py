"""The tokens of open sockets and streams are checked together, and a stream ends when its token ends."""

import asyncio
from collections.abc import Collection
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from api.auth.token_watch import RECHECK_SECONDS, TokenWatch
from api.auth.tokens import Tokens
from api.root import schema
from domain.practice.workspaces import token_hash
from runtime.embedded.services import Services
from tests.api.edge import (
    acknowledged,
    bearer,
    close_code,
    hear,
    make_process,
    make_token,
    make_workspace,
    say,
    serving,
    soon,
)
from tests.database import Place
from tests.patience import patience, until


async def revoke(owner: AsyncConnection, token: str) -> None:
    await owner.execute(
        sa.text("update api_token set revoked_at = now() where hash = :h"), {"h": token_hash(token)}
    )


async def test_a_thousand_idle_subscriptions_on_sockets_cost_less_than_five_statements_a_second(
    place: Place, services: Services, owner: AsyncConnection
) -> None:
    """40 sockets, each with a token of its own, in eight workspaces."""
    workspaces = [await make_workspace(owner) for _ in range(8)]
    tokens = [await make_token(owner, workspace=workspaces[n % 8]) for n in range(40)]
    query = {"query": "subscription { syncStatus { cursor } }"}
    seconds = 3 * RECHECK_SECONDS
    async with (
        make_process(place, services) as process,
        serving(process, schema=schema) as edge,
        AsyncExitStack() as stack,
    ):
        for token in tokens:
            ws = await stack.enter_async_context(acknowledged(edge, token))
            for number in range(25):
                await say(ws, {"type": "subscribe", "id": str(number), "payload": query})
        await until(lambda: process.feeds.followers >= 1000 and not process.feeds.starting)
        before = process.database.statements
        await asyncio.sleep(seconds)
        spent = process.database.statements - before
        metrics = await fetch_metrics(edge)
    assert 0 < spent < 5 * seconds
    assert "tandem_subscriptions 1000.0" in metrics


async def fetch_metrics(edge: str) -> str:
    async with httpx.AsyncClient(base_url=f"http://{edge}") as http:
        return (await http.get("/metrics")).text


async def test_many_sockets_of_one_token_are_checked_once(
    place: Place, services: Services, owner: AsyncConnection, token: str
) -> None:
    async with make_process(place, services) as process, AsyncExitStack() as stack:
        watch = TokenWatch(Tokens(process.database), process.database.clock)
        other = await make_token(owner)
        ends = [stack.enter_context(watch.watched(token, None)) for _ in range(50)]
        others = [stack.enter_context(watch.watched(other, None)) for _ in range(50)]
        before = process.database.statements
        await revoke(owner, token)
        async with patience(RECHECK_SECONDS + 30):
            await asyncio.gather(*(ended.wait() for ended in ends))
        assert not any(ended.is_set() for ended in others)
        # One look; the other token's `last_used_at` is written, too.
        assert process.database.statements - before <= 3


async def test_a_token_ends_when_it_expires_and_not_at_the_next_check(
    place: Place, services: Services, owner: AsyncConnection
) -> None:
    async with make_process(place, services) as process:
        watch = TokenWatch(Tokens(process.database), process.database.clock)
        expires = process.database.clock.now() + timedelta(seconds=0.5)
        token = await make_token(owner, expires=expires)
        before = process.database.statements
        with watch.watched(token, expires) as ended:
            async with patience(RECHECK_SECONDS - 1):
                await ended.wait()
        assert process.database.statements == before


async def test_an_error_in_one_check_does_not_end_the_watch(
    place: Place, services: Services, owner: AsyncConnection, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    class Faulty(Tokens):
        faults = 1

        async def find_valid(self, tokens: Collection[str]) -> set[str]:
            if self.faults:
                self.faults -= 1
                raise RuntimeError("the secret of the cellar")
            return await super().find_valid(tokens)

    async with make_process(place, services) as process:
        watch = TokenWatch(Faulty(process.database), process.database.clock)
        await revoke(owner, token)
        with watch.watched(token, None) as ended:
            async with patience(2 * RECHECK_SECONDS + 30):
                await ended.wait()
    assert "internal_error" in capsys.readouterr().out


async def test_a_revoked_token_ends_its_event_stream(
    place: Place, services: Services, owner: AsyncConnection, token: str
) -> None:
    async with (
        make_process(place, services) as process,
        serving(process, schema=schema) as edge,
        httpx.AsyncClient(base_url=f"http://{edge}", headers=bearer(token), timeout=60) as http,
    ):
        body = {"query": "subscription { syncStatus { cursor } }"}
        async with http.stream(
            "POST", "/graphql", json=body, headers={"accept": "text/event-stream"}
        ) as answer:
            await revoke(owner, token)
            text = await answer.aread()
        assert "complete" not in text.decode()
        assert process.feeds.followers == 0


async def test_a_wrong_subscription_is_refused_before_its_event_stream_begins(
    place: Place, services: Services, token: str
) -> None:
    async with (
        make_process(place, services) as process,
        serving(process, schema=schema) as edge,
        httpx.AsyncClient(base_url=f"http://{edge}", headers=bearer(token), timeout=60) as http,
    ):
        for given in ('after: "nonsense"', 'organisationId: "nonsense"'):
            body = {"query": f"subscription {{ syncStatus({given}) {{ cursor }} }}"}
            answer = await http.post("/graphql", json=body, headers={"accept": "text/event-stream"})
            assert answer.status_code == 400
            assert answer.headers["content-type"].startswith("application/graphql-response+json")
            assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["BAD_REQUEST"]
        assert process.feeds.followers == 0


async def test_streams_stay_open_while_the_database_does_not_answer(
    place: Place, services: Services, owner: AsyncConnection, token: str
) -> None:
    """The streams notice nothing. When the database answers again, a revoked token ends its streams."""
    async with (
        make_process(place, services) as process,
        serving(process, schema=schema) as edge,
        acknowledged(edge, token) as ws,
    ):
        engine = process.database.engine
        process.database.engine = create_async_engine("postgresql+asyncpg://u@127.0.0.1:1/x")
        await revoke(owner, token)
        await asyncio.sleep(RECHECK_SECONDS + 0.5)
        await say(ws, {"type": "ping"})
        assert (await hear(ws))["type"] == "pong"
        process.database.engine = engine
        assert await close_code(ws) == 4403


async def test_an_open_socket_updates_last_used_at_every_quarter_of_an_hour(
    place: Place, services: Services, owner: AsyncConnection, token: str
) -> None:
    async with make_process(place, services) as process:
        tokens = Tokens(process.database)
        await tokens.find_valid([token])
        before = process.database.statements
        await tokens.find_valid([token])
        assert process.database.statements - before == 1
        query = sa.text("select last_used_at from api_token where hash = :h")
        assert await owner.scalar(query, {"h": token_hash(token)}) is not None


async def test_only_valid_tokens_are_found(
    place: Place, services: Services, owner: AsyncConnection, token: str
) -> None:
    gone, late = await make_token(owner), await make_token(owner, expires=soon(-1))
    await revoke(owner, gone)
    async with make_process(place, services) as process:
        assert await Tokens(process.database).find_valid({token, gone, late, "tdm_never"}) == {token}


async def test_a_client_that_leaves_its_event_stream_is_no_error(
    place: Place,
    services: Services,
    token: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = {"query": "subscription { syncStatus { cursor } }"}
    async with (
        make_process(place, services) as process,
        serving(process, schema=schema) as edge,
        httpx.AsyncClient(base_url=f"http://{edge}", headers=bearer(token), timeout=60) as http,
    ):
        for _ in range(3):
            async with http.stream(
                "POST", "/graphql", json=body, headers={"accept": "text/event-stream"}
            ) as answer:
                assert answer.status_code == 200
                await until(lambda: process.feeds.followers == 1 and not process.feeds.starting)
            await until(lambda: process.feeds.followers == 0)
    written = capsys.readouterr()
    assert "Traceback" not in written.out + written.err + caplog.text
    assert "internal_error" not in written.out + written.err
