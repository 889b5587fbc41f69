"""A simulator on a real socket inside the test's own loop, or in process, with a client that has a consent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import uvicorn
from starlette.types import ASGIApp

from tests.clients import listening, web_client
from xero.simulator.app import create_app
from xero.simulator.clock import ShiftedClock
from xero.simulator.demo import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_REDIRECT_URI, demo_world
from xero.simulator.serve import server_config
from xero.simulator.world import World

SCOPES = "openid profile email offline_access accounting.contacts accounting.settings.read accounting.invoices accounting.payments"
BEGINNING = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
API = "/api.xro/2.0"


def frozen_clock() -> ShiftedClock:
    """A clock that stays at BEGINNING until it is advanced."""
    return ShiftedClock(lambda: BEGINNING)


def small_world(contacts: int = 25, clock: ShiftedClock | None = None) -> World:
    return demo_world(contacts, seed=7, clock=clock or frozen_clock())


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[str]:
    """Serves the world on a free port; gives its address."""
    async with serving_app(create_app(world)) as url:
        yield url


@asynccontextmanager
async def serving_app(app: ASGIApp) -> AsyncIterator[str]:
    async with listening(uvicorn.Server(server_config(app, "127.0.0.1", 0))) as place:
        yield f"http://{place}"


async def consent(http: httpx.AsyncClient, **changes: str) -> dict[str, str]:
    """Press a button of the consent page, and return the parameters of the redirect."""
    form = {
        "response_type": "code",
        "client_id": DEMO_CLIENT_ID,
        "redirect_uri": DEMO_REDIRECT_URI,
        "scope": SCOPES,
        "state": "xyz",
        "action": "allow",
    } | changes
    answer = await http.post("/identity/connect/authorize", data=form)
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


async def post_token(http: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await http.post("/connect/token", data=form, auth=(DEMO_CLIENT_ID, DEMO_CLIENT_SECRET))


async def exchange(http: httpx.AsyncClient, code: str, **more: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": DEMO_REDIRECT_URI} | more
    return await post_token(http, **form)


async def connect(http: httpx.AsyncClient, **changes: str) -> dict[str, Any]:
    """Consents, and sets the client's headers for the organisation; gives the token answer."""
    redirect = await consent(http, **changes)
    answer = await exchange(http, redirect["code"])
    assert answer.status_code == 200, answer.text
    token: dict[str, Any] = answer.json()
    http.headers["Authorization"] = f"Bearer {token['access_token']}"
    http.headers["Accept"] = "application/json"
    http.headers["Xero-Tenant-Id"] = (await http.get("/connections")).json()[0]["tenantId"]
    return token


@asynccontextmanager
async def in_process(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client without consent, straight to the app; where the connection is cut, CutConnectionError is raised."""
    transport = httpx.ASGITransport(create_app(world))
    async with web_client(transport=transport, base_url="http://simulator") as http:
        yield http


@asynccontextmanager
async def connected(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The same with consent given and headers set."""
    async with in_process(world) as http:
        await connect(http)
        yield http


async def put(http: httpx.AsyncClient, *contacts: dict[str, Any], **params: str) -> httpx.Response:
    return await http.put(f"{API}/Contacts", json={"Contacts": contacts}, params=params)


async def post(http: httpx.AsyncClient, *contacts: dict[str, Any], **params: str) -> httpx.Response:
    return await http.post(f"{API}/Contacts", json={"Contacts": contacts}, params=params)


async def create(http: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await put(http, fields)
    assert answer.status_code == 200, answer.text
    contact: dict[str, Any] = answer.json()["Contacts"][0]
    return contact


async def read(http: httpx.AsyncClient, key: str) -> dict[str, Any]:
    answer = await http.get(f"{API}/Contacts/{key}")
    assert answer.status_code == 200, answer.text
    contact: dict[str, Any] = answer.json()["Contacts"][0]
    return contact


async def names(http: httpx.AsyncClient, **params: str) -> list[str]:
    answer = await http.get(f"{API}/Contacts", params={"page": "1", "pageSize": "1000"} | params)
    assert answer.status_code == 200, answer.text
    return [contact["Name"] for contact in answer.json()["Contacts"]]
