"""graphql-transport-ws on real sockets."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
import websockets
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.practice.workspaces import token_hash
from tests.api.edge import (
    acknowledged,
    bearer,
    close_code,
    hear,
    make_token,
    open_socket,
    say,
    soon,
)


def subscribe(number: str, query: str, **more: Any) -> dict[str, Any]:
    return {"type": "subscribe", "id": number, "payload": {"query": query, **more}}


async def test_a_subscription_runs_to_its_end(edge: str, token: str) -> None:
    async with acknowledged(edge, token) as ws:
        await say(ws, subscribe("1", "subscription {count(to: 2)}"))
        heard = [await hear(ws) for _ in range(3)]
    assert [each["type"] for each in heard] == ["next", "next", "complete"]
    assert heard[1]["payload"] == {"data": {"count": 1}}


async def test_a_socket_runs_queries_and_mutations(edge: str, token: str) -> None:
    async with acknowledged(edge, token) as ws:
        await say(ws, subscribe("1", "{who}"))
        assert (await hear(ws))["payload"]["data"] == {"who": "Probe"}


HOSTILE: dict[str, object] = {
    "list": [],
    "number": 7,
    "null": None,
    "no JSON": "{",
    "deep": "[" * 100_000,
    "10,000 digits": "9" * 10_000,
    "no type": {},
    "type is a number": {"type": 7},
    "unknown type": {"type": "x" * 10_000},
    "half a pair as type": '{"type": "\\ud800"}',
    "id is an object": {"type": "subscribe", "id": {}, "payload": {"query": "{hello}"}},
    "id is empty": {"type": "subscribe", "id": "", "payload": {"query": "{hello}"}},
    "id of complete is a list": {"type": "complete", "id": []},
    "no payload": {"type": "subscribe", "id": "1"},
    "payload is a number": {"type": "subscribe", "id": "1", "payload": 7},
    "query is a number": {"type": "subscribe", "id": "1", "payload": {"query": 7}},
    "variables are a list": {"type": "subscribe", "id": "1", "payload": {"query": "{hello}", "variables": []}},
    "operationName is a list": {"type": "subscribe", "id": "1", "payload": {"query": "{hello}", "operationName": []}},
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_message_closes_with_4400(edge: str, token: str, name: str) -> None:
    async with acknowledged(edge, token) as ws:
        await say(ws, "null" if HOSTILE[name] is None else HOSTILE[name])
        assert await close_code(ws) == 4400


async def test_bytes_close_with_4400(edge: str, token: str) -> None:
    async with acknowledged(edge, token) as ws:
        await ws.send(b"{}")
        assert await close_code(ws) == 4400


@pytest.mark.parametrize(
    "payload",
    [
        {"query": "{"},
        {"query": ""},
        {"query": "{nope}"},
        {"query": "query a {hello}", "operationName": "b"},
        {"query": "query($n: String!){hello(name: $n)}", "variables": {"n": "a\0b"}},
    ],
)
async def test_an_invalid_document_ends_only_its_own_operation(
    edge: str, token: str, payload: dict[str, Any]
) -> None:
    async with acknowledged(edge, token) as ws:
        await say(ws, subscribe("1", "subscription {forever}"))
        assert (await hear(ws))["type"] == "next"
        await say(ws, {"type": "subscribe", "id": "2", "payload": payload})
        error = await hear(ws)
        assert (error["type"], error["id"]) == ("error", "2")
        assert error["payload"][0]["extensions"]["code"] == "BAD_REQUEST"
        await say(ws, subscribe("3", "{hello}"))
        assert (await hear(ws))["payload"]["data"] == {"hello": "Hello you"}


async def test_a_socket_masks_internal_errors_and_limits_costs(edge: str, token: str) -> None:
    async with acknowledged(edge, token) as ws:
        await say(ws, subscribe("1", "{broken}"))
        (error,) = (await hear(ws))["payload"]["errors"]
        assert error["extensions"]["code"] == "INTERNAL"
        assert "cellar" not in str(error)
        await hear(ws)
        await say(ws, subscribe("2", "{" + "a: hello " * 51 + "}"))
        assert (await hear(ws))["payload"][0]["extensions"]["code"] == "TOO_COSTLY"


async def test_a_socket_runs_at_most_a_hundred_subscriptions(edge: str, token: str) -> None:
    async with acknowledged(edge, token) as ws:
        for number in range(101):
            await say(ws, subscribe(str(number), "subscription {forever}"))
        kinds = [(await hear(ws))["type"] for _ in range(101)]
    assert sorted(kinds) == ["error"] + ["next"] * 100


NO_TOKEN_SENT = 'connection_init\'s payload: {"Authorization": "Bearer'


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ({}, NO_TOKEN_SENT),
        ({"Authorization": "Bearer tdm_no"}, "This token is unknown, revoked or expired"),
        ({"Authorization": 7}, NO_TOKEN_SENT),
        (None, NO_TOKEN_SENT),
    ],
)
async def test_a_socket_without_a_valid_token_is_forbidden(edge: str, payload: object, says: str) -> None:
    async with open_socket(edge) as ws:
        await say(ws, {"type": "connection_init", "payload": payload})
        assert await close_code(ws) == 4403
        assert says in (ws.close_reason or "")


async def test_nothing_runs_before_the_connection_is_acknowledged(edge: str) -> None:
    async with open_socket(edge) as ws:
        await say(ws, subscribe("1", "{hello}"))
        assert await close_code(ws) == 4401


async def test_a_second_connection_init_closes_the_socket(edge: str, token: str) -> None:
    async with acknowledged(edge, token) as ws:
        await say(ws, {"type": "connection_init", "payload": bearer(token)})
        assert await close_code(ws) == 4429


async def test_a_silent_socket_is_closed_after_three_seconds(edge: str) -> None:
    begun = asyncio.get_running_loop().time()
    async with open_socket(edge) as ws:
        assert await close_code(ws) == 4408
    assert asyncio.get_running_loop().time() - begun > 2.5


async def test_a_message_over_the_limit_closes_the_socket(edge: str, token: str) -> None:
    async with acknowledged(edge, token) as ws:
        await say(ws, {"type": "ping", "payload": {"a": "x" * 1_000_000}})
        assert await close_code(ws) == 1009


@pytest.mark.parametrize("how", ["revoked", "expired"])
async def test_a_socket_closes_when_its_token_ends(edge: str, owner: AsyncConnection, how: str) -> None:
    token = await make_token(owner, expires=soon(5) if how == "expired" else None)
    async with acknowledged(edge, token) as ws:
        await say(ws, subscribe("1", "subscription {forever}"))
        await hear(ws)
        if how == "revoked":
            await owner.execute(
                sa.text("update api_token set revoked_at = now() where hash = :h"), {"h": token_hash(token)}
            )
        assert await close_code(ws) == 4403
        assert ws.close_reason == "The token was revoked or has expired"


async def test_foreign_origins_are_refused(edge: str, token: str) -> None:
    async with open_socket(edge, additional_headers={"Origin": "https://app.example.com"}) as ws:
        await say(ws, {"type": "connection_init", "payload": bearer(token)})
        assert await hear(ws) == {"type": "connection_ack"}
    for origin in ("https://evil.example", "null"):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with open_socket(edge, additional_headers={"Origin": origin}):
                pass
        assert refused.value.response.status_code == 403


async def test_the_legacy_protocol_is_refused(edge: str) -> None:
    protocols = [websockets.Subprotocol("graphql-ws")]
    async with websockets.connect(f"ws://{edge}/graphql", subprotocols=protocols) as ws:
        assert await close_code(ws) == 4406
