"""A workspace, a browser, and a simulator on a real socket whose user may connect two organisations."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
from starlette.applications import Starlette
from starlette.responses import Response

from api.consent import connect
from api.context import Context, Process, Viewer
from domain.tables import ActorKind, Organisation, Scope, Workspace
from domain.tx import Actor
from runtime.database import Database
from runtime.database import connect as open_database
from runtime.notifications import Notifications
from runtime.seal import KeyRing
from runtime.settings import Settings, load
from tests.clients import web_client
from tests.database import Place, rows_of
from tests.xero.simulator.serving import SCOPES, serving
from xero.simulator.demo import (
    DEMO_CLIENT_ID,
    DEMO_CLIENT_SECRET,
    DEMO_REDIRECT_URI,
    demo_world,
    lifelike_organisation,
)
from xero.simulator.world import World

KEY = "test:" + "A" * 43 + "="
SPA = "https://app.example.com"
RETURN_TO = f"{SPA}/settings?tab=xero#top"


@dataclass
class Clock:
    """The machine's, ahead by `ahead`."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Browser:
    """Follows nothing by itself; keeps cookies."""

    http: httpx.AsyncClient
    xero: httpx.AsyncClient

    def keep(self, response: Response) -> None:
        for name, morsel in SimpleCookie(response.headers["set-cookie"]).items():
            self.http.cookies.set(name, morsel.value)

    async def consent(self, authorization_url: str, **choice: str) -> str:
        """Presses a button of Xero's page; where Xero sends the browser then."""
        form = {name: values[0] for name, values in parse_qs(urlsplit(authorization_url).query).items()}
        page = authorization_url.partition("?")[0]
        answer = await self.xero.post(page, data=form | {"action": "allow"} | choice)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def press(self, page: httpx.Response, answer: str = "yes") -> httpx.Response:
        token = page.text.partition('name="token" value="')[2].partition('"')[0]
        return await self.http.post("/oauth/confirm", data={"token": token, "answer": answer})


@dataclass
class Bench:
    process: Process
    clock: Clock
    world: World
    xero: httpx.AsyncClient
    stack: AsyncExitStack
    tenants: list[str]
    workspace: UUID = field(default_factory=uuid4)

    async def make_workspace(self, workspace: UUID, name: str) -> UUID:
        async with self.process.database.transaction(workspace, viewer(workspace).actor) as tx:
            tx.session.add(Workspace(id=workspace, name=name, currency="NZD", created_at=tx.now))
        return workspace

    async def browser(self) -> Browser:
        transport = httpx.ASGITransport(Starlette(routes=connect.routes(self.process)))
        http = web_client(transport=transport, base_url="http://localhost:8000")
        return Browser(await self.stack.enter_async_context(http), self.xero)

    def context(self, workspace: UUID | None = None) -> Context:
        return Context(self.process, viewer(workspace or self.workspace), response=Response())

    async def go(
        self,
        *,
        workspace: UUID | None = None,
        organisation: UUID | None = None,
        return_to: str | None = RETURN_TO,
        **choice: str,
    ) -> dict[str, str]:
        """From connectXero to the return, in one browser. Gives the parameters of the return address."""
        browser, context = await self.browser(), self.context(workspace)
        address = await connect.begin_consent(context, return_to, organisation)
        assert context.response is not None
        browser.keep(context.response)
        return told(await browser.http.get(await browser.consent(address, **choice)))

    async def organisations(self, workspace: UUID | None = None) -> list[Organisation]:
        async with self.context(workspace).transaction() as tx:
            rows = await rows_of(tx, "select id from organisation where workspace_id = :ws order by name")
            return [await tx.session.get_one(Organisation, (tx.workspace, row["id"])) for row in rows]


def viewer(workspace: UUID) -> Viewer:
    return Viewer(workspace, Actor(ActorKind.API_TOKEN, "Setup <script>"), frozenset(Scope))


def told(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code in (302, 303), answer.text
    address = urlsplit(answer.headers["location"])
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}{address.path}#{address.fragment}" == f"{SPA}/settings#top"
    assert query.pop("tab") == "xero"
    return query


def settings_for(database: Place, xero: str, **more: str) -> Settings:
    return load(
        database_url=database.app_url,
        redis_url="redis://localhost:1",
        tandem_keys=KEY,
        allowed_origins=SPA,
        xero_client_id=DEMO_CLIENT_ID,
        xero_client_secret=DEMO_CLIENT_SECRET,
        xero_redirect_uri=DEMO_REDIRECT_URI,
        xero_scopes=SCOPES,
        xero_authorize_url=f"{xero}/identity/connect/authorize",
        xero_identity_url=xero,
        xero_api_url=xero,
        **more,
    )


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Bench]:
    world = demo_world(3, seed=7)
    other = world.add_organisation(lifelike_organisation(8, 3, "Tōtara & Sons Ltd"))
    [user] = world.users.values()
    user.tenants.append(other.id)
    clock = Clock()
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(world))
        http = await stack.enter_async_context(web_client())
        database: Database = open_database(place.app_url, clock=clock)
        stack.push_async_callback(database.close)
        settings = settings_for(place, address)
        process = Process(settings, database, KeyRing.parse([KEY]), http, Notifications(place.app_url))
        bench = Bench(process, clock, world, http, stack, list(user.tenants))
        await bench.make_workspace(bench.workspace, "Whitfield & Co")
        yield bench
