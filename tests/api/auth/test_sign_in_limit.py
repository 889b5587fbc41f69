"""Sign-ins that fail too often from one address, and which address it is where proxies stand between."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import HTTPConnection

from api.auth.addresses import UNKNOWN, client_address, read_networks
from api.context import Process
from runtime.settings import SettingsError, load
from tests.api.edge import (
    Stopped,
    ask,
    bearer,
    close_code,
    codes,
    data,
    make_token,
    open_socket,
    say,
    serving,
    with_settings,
)
from tests.clients import web_client

WRONG = bearer("tdm_" + "x" * 43)
MOST = 5


@asynccontextmanager
async def limited(process: Process, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an edge where no minute ends, and no other test counts."""
    stopped = replace(process.database, clock=Stopped(datetime.now(UTC)))
    process = replace(
        with_settings(process, redis_url=None, rate_limit_sign_ins=MOST, **settings), database=stopped
    )
    async with serving(process) as edge, web_client(base_url=f"http://{edge}") as http:
        yield http


async def statuses(http: httpx.AsyncClient, times: int, **headers: str) -> list[int]:
    http.headers.update(headers)
    return [(await ask(http, "{hello}")).status_code for _ in range(times)]


async def test_an_address_that_fails_too_often_is_refused_before_the_database_is_asked(
    process: Process, owner: AsyncConnection
) -> None:
    known, new = [await make_token(owner) for _ in range(2)]
    async with limited(process) as http:
        assert await statuses(http, 1, **bearer(known)) == [200]
        assert await statuses(http, MOST, **WRONG) == [401] * MOST
        before = process.database.statements
        for each in (WRONG, bearer(new)):
            http.headers.update(each)
            refused = await ask(http, "{hello}")
            assert (refused.status_code, codes(refused)) == (429, ["RATE_LIMITED"])
            assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert process.database.statements == before
        assert await statuses(http, 1, **bearer(known)) == [200]
        async with open_socket(http.base_url.netloc.decode()) as ws:
            await say(ws, {"type": "connection_init", "payload": bearer(new)})
            assert await close_code(ws) == 1013


async def test_a_client_without_a_trusted_proxy_cannot_name_another_address(process: Process) -> None:
    async with limited(process) as http:
        await statuses(http, MOST, **WRONG)
        assert await statuses(http, 1, **{"X-Forwarded-For": "203.0.113.7"}) == [429]


async def test_the_clients_of_a_trusted_proxy_are_distinguished(
    process: Process, owner: AsyncConnection
) -> None:
    token = await make_token(owner)
    async with limited(process, trusted_proxies=["127.0.0.0/8"]) as http:
        assert await statuses(http, MOST + 1, **WRONG, **{"X-Forwarded-For": "203.0.113.8"}) == [
            401
        ] * MOST + [429]
        http.headers.update(bearer(token) | {"X-Forwarded-For": "203.0.113.9"})
        assert data(await ask(http, "{hello}")) == {"hello": "Hello you"}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.1", ["203.0.113.7"], "198.51.100.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["1.2.3.4, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        ("10.0.0.1", ["1.2.3.4", "203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [" "], "10.0.0.1"),
        ("10.0.0.1", ["[2001:db8:1:2:3::9]:443"], "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("2001:db8:1:2::5", ["203.0.113.7"], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        (None, ["203.0.113.7"], UNKNOWN),
    ],
)
def test_the_address_is_the_last_that_no_trusted_proxy_has(
    peer: str | None, forwarded: list[str], address: str
) -> None:
    scope = {
        "type": "http",
        "client": (peer, 1) if peer else None,
        "headers": [(b"x-forwarded-for", each.encode()) for each in forwarded],
    }
    assert client_address(HTTPConnection(scope), read_networks(["10.0.0.0/8"])) == address


def test_a_wrong_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8,proxy.example")
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        load()
