"""Authentication by token: which requests are let in, with which scopes, and until when."""

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth.credentials import find_bearer
from api.context import Process
from api.relay import ids
from domain.practice.workspaces import new_token, token_hash
from domain.tables import Scope
from tests.api.edge import (
    ask,
    bearer,
    close_code,
    codes,
    data,
    make_token,
    make_workspace,
    open_socket,
    say,
    serving,
    soon,
    with_settings,
)
from tests.clients import web_client

INTROSPECTION = '{__schema{queryType{name}} __type(name: "Query"){name}}'


def test_tokens_are_long_and_never_the_same() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert all(token.startswith("tdm_") and len(token) >= 4 + 43 for token in made)
    assert all(find_bearer(f"Bearer {token}") == token for token in made)


async def test_a_token_shows_its_viewer(http: httpx.AsyncClient) -> None:
    assert data(await ask(http, "{who}")) == {"who": "Probe"}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Basic dTpw",
        "Bearer tdm_unknown",
        "Bearer " + "x" * 5000,
        "Bearer a b",
        "Bearer \xff\xfe",
    ],
)
async def test_a_request_without_a_valid_token_is_unauthenticated(
    stranger: httpx.AsyncClient, header: str | None
) -> None:
    headers = [] if header is None else [(b"authorization", header.encode("latin-1"))]
    for query in ("{hello}", INTROSPECTION):
        answer = await stranger.post("/graphql", json={"query": query}, headers=headers)
        assert (answer.status_code, codes(answer)) == (401, ["UNAUTHENTICATED"])
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_request_with_two_tokens_is_unauthenticated(stranger: httpx.AsyncClient, token: str) -> None:
    headers = [("Authorization", f"Bearer {token}")] * 2
    assert (await stranger.post("/graphql", json={"query": "{hello}"}, headers=headers)).status_code == 401


async def test_a_token_opens_no_other_workspace(
    edge: str, stranger: httpx.AsyncClient, token: str, owner: AsyncConnection
) -> None:
    other = {**bearer(token), "X-Tandem-Workspace": ids.encode("Workspace", await make_workspace(owner))}
    answer = await stranger.post("/graphql", json={"query": "{hello}"}, headers=other)
    assert (answer.status_code, codes(answer)) == (403, ["FORBIDDEN"])
    async with open_socket(edge) as ws:
        await say(ws, {"type": "connection_init", "payload": other})
        assert await close_code(ws) == 4403


async def test_a_token_in_the_url_is_not_accepted(stranger: httpx.AsyncClient, token: str) -> None:
    params = {"query": "{hello}", "access_token": token, "token": token, "Authorization": f"Bearer {token}"}
    assert (await stranger.get("/graphql", params=params)).status_code == 401


async def test_expired_and_revoked_tokens_are_not_accepted(
    stranger: httpx.AsyncClient, owner: AsyncConnection, token: str
) -> None:
    expired = await make_token(owner, expires=soon(-1))
    await owner.execute(
        sa.text("update api_token set revoked_at = now() where hash = :h"), {"h": token_hash(token)}
    )
    for each in (expired, token):
        answer = await stranger.post("/graphql", json={"query": "{hello}"}, headers=bearer(each))
        assert (answer.status_code, codes(answer)) == (401, ["UNAUTHENTICATED"])
        message = answer.json()["errors"][0]["message"]
        assert message.startswith("This token is unknown, revoked or expired.")
    without = await stranger.post("/graphql", json={"query": "{hello}"})
    assert without.json()["errors"][0]["message"].startswith("A valid token is needed")


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [(Scope.READ, []), (Scope.WRITE, ["rename"]), (Scope.ADMIN, ["rename", "rule"])],
)
async def test_a_scope_includes_the_lower_scopes(
    stranger: httpx.AsyncClient, owner: AsyncConnection, scope: Scope, allowed: list[str]
) -> None:
    headers = bearer(await make_token(owner, scope))
    assert (await stranger.post("/graphql", json={"query": "{hello}"}, headers=headers)).status_code == 200
    for name, call in {"rename": 'rename(name: "x")', "rule": "rule"}.items():
        answer = await stranger.post("/graphql", json={"query": f"mutation {{{call}}}"}, headers=headers)
        assert ("errors" not in answer.json()) == (name in allowed)
        if name not in allowed:
            assert codes(answer) == ["FORBIDDEN"]


async def test_last_used_at_is_written_once_a_minute(
    http: httpx.AsyncClient, owner: AsyncConnection, token: str
) -> None:
    async def last_used() -> object:
        query = sa.text("select last_used_at from api_token where hash = :h")
        return await owner.scalar(query, {"h": token_hash(token)})

    assert await last_used() is None
    await ask(http, "{hello}")
    first = await last_used()
    await ask(http, "{hello}")
    assert first is not None
    assert await last_used() == first


async def test_with_graphiql_a_client_without_a_token_may_only_introspect(process: Process) -> None:
    async with (
        serving(with_settings(process, graphiql=True)) as edge,
        web_client(base_url=f"http://{edge}") as stranger,
    ):
        page = await stranger.get("/graphql", headers={"accept": "text/html"})
        assert (page.status_code, "graphiql" in page.text) == (200, True)
        assert (await ask(stranger, INTROSPECTION)).json()["data"]["__type"] == {"name": "Query"}
        for query in (
            "{hello}",
            "{__typename ...F} fragment F on Query {hello}",
            "{... on Query {hello}}",
            "mutation {rule}",
        ):
            answer = await ask(stranger, query)
            assert (answer.status_code, codes(answer)) == (401, ["UNAUTHENTICATED"])
        wrong = await stranger.post("/graphql", json={"query": INTROSPECTION}, headers=bearer("tdm_x"))
        assert wrong.status_code == 401


async def test_without_graphiql_there_is_no_page(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/graphql", headers={"accept": "text/html"})
    assert (answer.status_code, codes(answer)) == (401, ["UNAUTHENTICATED"])


async def test_an_event_stream_ends_when_its_token_ends(
    stranger: httpx.AsyncClient, owner: AsyncConnection
) -> None:
    headers = {**bearer(await make_token(owner, expires=soon(5))), "accept": "text/event-stream"}
    body = {"query": "subscription {forever}"}
    async with stranger.stream("POST", "/graphql", json=body, headers=headers) as answer:
        text = await answer.aread()  # ends, or the client's time does
    assert text.count(b"event: next") == 1
