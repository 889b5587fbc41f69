"""Xero's client, connected with a simulator on a real socket through a consent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx

from tests.clients import web_client
from tests.xero.make import Limiter, Rights
from tests.xero.simulator.serving import frozen_clock, serving, small_world
from xero import oauth
from xero.client import Client
from xero.oauth import App
from xero.payloads import Connection, TokenAnswer
from xero.simulator.clock import ShiftedClock
from xero.simulator.demo import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_REDIRECT_URI
from xero.simulator.world import World

SCOPES = (
    "openid profile email offline_access accounting.contacts accounting.settings.read accounting.invoices"
)


class AnyTenant(Limiter):
    async def take(self, tenant_id: UUID, priority: Any) -> UUID | datetime:
        return await super().take(UUID("11111111-1111-4111-8111-111111111111"), priority)


@dataclass
class Consented:
    """A consent's tokens, refreshed as they are asked for."""

    http: httpx.AsyncClient
    app: App
    answer: TokenAnswer
    refreshed: int = 0

    async def access_token(self) -> str:
        return self.answer.access_token

    async def refresh(self, stale: str) -> str:
        self.refreshed += 1
        self.answer = await oauth.refresh(self.http, self.app, self.answer.refresh_token)
        return self.answer.access_token


@dataclass
class WorldClock:
    world: ShiftedClock

    def now(self) -> datetime:
        return self.world()


@dataclass
class Connected:
    world: World
    clock: ShiftedClock
    http: httpx.AsyncClient
    app: App
    tokens: Consented
    connection: Connection
    client: Client

    async def arm(self, **fault: Any) -> None:
        answer = await self.http.post(f"{self.app.api_url}/simulator/faults", json=fault)
        assert answer.status_code == 201, answer.text


async def consent(
    http: httpx.AsyncClient, app: App, known: frozenset[UUID] = frozenset()
) -> tuple[TokenAnswer, list[Connection]]:
    """As a browser and the callback do it, state and PKCE included."""
    began, state, verifier = (
        datetime.fromisoformat("2026-11-02T09:00+00:00"),
        oauth.new_secret(),
        oauth.new_secret(),
    )
    url = oauth.consent_url(app, state, verifier)
    assert (await http.get(url)).status_code == 200
    form = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    redirect = await http.post(app.authorize_url, data=form | {"action": "allow"})
    carried = parse_qs(urlsplit(redirect.headers["location"]).query)
    assert carried["state"] == [state]
    answer = await oauth.exchange(http, app, carried["code"][0], verifier)
    found = await oauth.connections(http, app, answer.access_token)
    return answer, oauth.granted(found, oauth.read_claims(answer.access_token), began, known)


@asynccontextmanager
async def connected(contacts: int = 25) -> AsyncIterator[Connected]:
    clock = frozen_clock()
    world = small_world(contacts, clock)
    async with serving(world) as address, web_client() as http:
        app = App(
            DEMO_CLIENT_ID,
            DEMO_CLIENT_SECRET,
            DEMO_REDIRECT_URI,
            SCOPES,
            authorize_url=f"{address}/identity/connect/authorize",
            identity_url=address,
            api_url=address,
        )
        answer, connections = await consent(http, app)
        tokens = Consented(http, app, answer)
        client = Client(
            http=http,
            tenant_id=connections[0].tenant_id,
            tokens=tokens,
            limiter=AnyTenant(),
            rights=Rights(),
            clock=WorldClock(clock),
            guard=lambda: None,
            api_url=address,
            jitter=lambda: -0.5,
        )
        yield Connected(world, clock, http, app, tokens, connections[0], client)
