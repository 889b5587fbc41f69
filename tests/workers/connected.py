"""A workspace whose organisation is connected with a simulator on a real socket, ready to be imported."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

from domain.tables import ImportPhase, ImportRun
from runtime.clock import Clock
from runtime.embedded import services as embedded_services
from runtime.settings import Settings, load
from tests.database import Place, lent
from tests.domain.world import World, make_world
from tests.patience import Patience, patience
from tests.xero.simulator.serving import SCOPES, serving
from workers import sending
from workers.process import POOL_SIZE, Process, opened_with
from workers.run import work
from xero import oauth
from xero.payloads import Connection
from xero.simulator.clock import Clock as XeroClock
from xero.simulator.clock import system_clock
from xero.simulator.demo import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_REDIRECT_URI, demo_world
from xero.tokens import expires_at, seal_tokens

KEY = "test:" + "A" * 43 + "="


def settings_for(place: Place, services: embedded_services.Services, xero: str) -> Settings:
    return load(
        database_url=place.app_url,
        redis_url=services.redis_url,
        tandem_keys=KEY,
        xero_client_id=DEMO_CLIENT_ID,
        xero_client_secret=DEMO_CLIENT_SECRET,
        xero_redirect_uri=DEMO_REDIRECT_URI,
        xero_scopes=SCOPES,
        xero_authorize_url=f"{xero}/identity/connect/authorize",
        xero_identity_url=xero,
        xero_api_url=xero,
    )


async def until(check: Callable[[], Awaitable[object]], seconds: float = 240) -> None:
    """Ask again until it is so; time out where it never is."""
    async with patience(seconds):
        while not await check():  # noqa: ASYNC110 - other processes make it so
            await asyncio.sleep(0.05)


async def send_due(process: Process, workspace: UUID, organisation: UUID) -> bool:
    """Send one batch of each kind of due work, as the jobs of a worker do."""
    if await sending.send_statuses(process, workspace, organisation):
        return True
    lanes = (False, True)
    return any([await sending.send_contacts(process, workspace, organisation, bulk=bulk) for bulk in lanes])


@dataclass
class Connected:
    process: Process
    world: World
    xero: str

    async def start_import(self) -> UUID:
        run = ImportRun(
            workspace_id=self.world.workspace,
            id=uuid4(),
            organisation_id=self.world.organisation,
            phase=ImportPhase.READING,
            match=True,
            started_at=datetime.now(UTC),
            due_at=datetime.now(UTC),
        )
        async with self.world.tx() as tx:
            tx.session.add(run)
            tx.notify_workers()
        return run.id

    async def run(self, run_id: UUID) -> ImportRun:
        async with self.world.tx() as tx:
            return await tx.session.get_one(ImportRun, (self.world.workspace, run_id), populate_existing=True)

    async def simulator(self) -> dict[str, object]:
        found: dict[str, object] = (await self.process.http.get(f"{self.xero}/simulator/state")).json()
        return found


async def consent(process: Process, xero: str, now: datetime, **form: str) -> tuple[UUID, Connection]:
    """The grant and the connection of a new consent, given in a browser. `form`: the person's choices on Xero's page, `userId` or
    `tenantId`."""
    verifier, state = oauth.new_secret(), oauth.new_secret()
    asked = parse_qs(urlsplit(oauth.consent_url(process.app, state, verifier)).query)
    given = {name: values[0] for name, values in asked.items()} | {"action": "allow"} | form
    answer = await process.http.post(f"{xero}/identity/connect/authorize", data=given)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    tokens = await oauth.exchange(process.http, process.app, code, verifier)
    user = oauth.read_claims(tokens.access_token).xero_userid
    sealed = seal_tokens(process.keys, tokens, process.app.client_id, user)
    grant = await process.grants.keep(process.app.client_id, user, sealed, expires_at(tokens, now))
    found = await oauth.connections(process.http, process.app, tokens.access_token)
    [connection] = [one for one in found if form.get("tenantId") in (None, str(one.tenant_id))]
    return grant, connection


async def connect(process: Process, xero: str, **form: str) -> World:
    """A workspace whose organisation a person has connected. `form`: as for `consent`."""
    world = await make_world(process.database)
    grant, connection = await consent(process, xero, datetime.now(UTC), **form)
    async with world.tx() as tx:
        await tx.run(
            "update organisation set tenant_id = :tenant, grant_id = :grant, base_currency = ''"
            " where workspace_id = :ws",
            tenant=connection.tenant_id,
            grant=grant,
        )
    return world


@asynccontextmanager
async def connected(
    place: Place,
    services: embedded_services.Services,
    contacts: int,
    clock: Clock | None = None,
    *,
    simulated: XeroClock = system_clock,
) -> AsyncIterator[Connected]:
    """`clock` is the product's, `simulated` Xero's; both the machine's unless given."""
    async with (
        serving(demo_world(contacts, seed=7, clock=simulated)) as xero,
        lent(place, "worker", clock, POOL_SIZE) as database,
        opened_with(database, settings_for(place, services, xero)) as process,
    ):
        world = await connect(process, xero)
        yield Connected(process, world, xero)


@asynccontextmanager
async def working(process: Process) -> AsyncIterator[None]:
    """A worker in this process. At the end its running jobs are finished."""
    stop = asyncio.Event()
    worker = asyncio.create_task(work(process, stop))
    try:
        yield
    finally:
        stop.set()
        await worker


async def finished(here: Connected, run_id: UUID, seconds: float = 240) -> ImportRun:
    limit = Patience(seconds)
    while (run := await here.run(run_id)).finished_at is None:
        assert not limit.is_over(), f"the import stands at {run.phase} {run.done}"
        await asyncio.sleep(0.05)
    return run


async def worked(here: Connected) -> ImportRun:
    """An import, done by a worker of its own."""
    async with working(here.process):
        return await finished(here, await here.start_import())
