"""One practice and one Xero on one clock, in one process, with faults at every boundary.

The workers' own functions run here against a real PostgreSQL. A Wire between them and the simulator can lose a call or
its answer, run another step during a call, and end the worker at that moment.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import msgspec
import sqlalchemy as sa
from hypothesis.stateful import rule
from prometheus_client import CollectorRegistry, Counter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.http import webhooks
from domain.connection import organisations
from domain.connection.oauth_grants import Grant
from domain.connection.organisation_copy import OrganisationCopy
from domain.connection.organisations import Tenant
from domain.tables import ConflictPolicy, RunPurpose, XeroContactFilter
from runtime.database import Database
from runtime.embedded import services as embedded_services
from runtime.notifications import Notifications
from runtime.seal import KeyRing
from tests.clients import web_client
from tests.database import Place, close_pools, lent
from tests.domain.world import BEGAN, World, make_world
from tests.promises.chances import THEN
from tests.workers.connected import consent, send_due, settings_for
from workers import due, jobs
from workers.process import Process
from xero import oauth
from xero.allowance import Priority
from xero.client import Client
from xero.simulator.app import create_app
from xero.simulator.contacts import Contact, ContactBook
from xero.simulator.demo import DEMO_CLIENT_ID, demo_world
from xero.simulator.faults import CutConnectionError
from xero.simulator.simulation import Simulation
from xero.simulator.webhooks import Chance
from xero.simulator.world import Subscription
from xero.tokens import GrantTokens

Act = Callable[[], Awaitable[object]]
XERO = "http://xero.test"
HOOK_KEY = "a key of webhooks"
TICK = timedelta(milliseconds=1)
ROUNDS = 60


def step(**given: Any) -> Callable[[Callable[..., Awaitable[object]]], Any]:
    """A rule of a model whose body is async, and the workers' steps after it (`then` of the model)."""

    def wrap(body: Callable[..., Awaitable[object]]) -> Any:
        def act(self: Any, then: str, **chosen: Any) -> None:
            self.runner.run(self.then(body(self, **chosen), then))

        act.__name__ = body.__name__
        return rule(then=THEN, **given)(act)  # type: ignore[no-untyped-call]

    return wrap


class KilledError(BaseException):
    """The worker's process ended here: nothing that it would have done follows."""


@dataclass
class Time:
    """The one clock of both sides; it moves a little whenever it is read. `skew`: how far Xero's is ahead."""

    at: datetime = BEGAN
    skew: timedelta = timedelta()

    def now(self) -> datetime:
        self.at += TICK
        return self.at

    def xero(self) -> datetime:
        return self.now() + self.skew

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Interlude:
    """A step that runs during a call: before Xero gets it, or after Xero has done it."""

    after: bool
    act: Act


@dataclass
class Reaper:
    """Ends the worker at the `left`-th statement or call from now."""

    left: int | None = None

    def tick(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            raise KilledError


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """Stands between Tandem and the simulator. `shown`: the contacts in the answers, with times."""

    inner: httpx.ASGITransport
    reaper: Reaper
    time: Time
    interludes: list[Interlude] = field(default_factory=list)
    writes: Callable[[bytes], None] = field(default=lambda _: None)
    shown: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.reaper.tick()
        counts = "/api.xro/" in request.url.path
        if counts:
            await self._interlude(after=False)
        if counts and request.method == "POST" and request.url.path.endswith("/Contacts"):
            self.writes(request.content)
        try:
            answer = await self.inner.handle_async_request(request)
        except CutConnectionError as error:
            if counts:
                await self._interlude(after=True)
            raise httpx.ReadError(str(error), request=request) from None
        content = await answer.aread()
        if counts:
            await self._interlude(after=True)
        self.reaper.tick()
        if counts and answer.status_code == 200:
            # Before it is applied: a link that this read makes is later.
            self.shown += [(self.time.at, one) for one in msgspec.json.decode(content).get("Contacts", [])]
        headers = [(name, value) for name, value in answer.headers.raw if name != b"content-length"]
        return httpx.Response(answer.status_code, headers=headers, content=content, request=request)

    async def _interlude(self, *, after: bool) -> None:
        due = [one for one in self.interludes if one.after is after]
        if not due:
            return
        now = due[0]
        held, self.interludes = [one for one in self.interludes if one is not now], []
        left, self.reaper.left = self.reaper.left, None
        shown, self.shown = self.shown, []
        try:
            await now.act()
        finally:
            self.interludes, self.reaper.left, self.shown = held + self.interludes, left, shown


@dataclass(frozen=True)
class TestedProcess(Process):
    """A worker process whose waiting moves the clock."""

    time: Time = field(default_factory=Time)

    def client(self, organisation: OrganisationCopy, priority: Priority) -> Client:
        return replace(super().client(organisation, priority), sleep=self.time.sleep, jitter=lambda: 0.5)

    def tokens(self, grant_id: UUID | None) -> GrantTokens[Grant]:
        return replace(super().tokens(grant_id), sleep=self.time.sleep)


@dataclass(frozen=True)
class Overwritten:
    """A write of ours over a value that Xero had announced before the job began, and that was still there."""

    at: datetime
    member: str
    contact: Contact


@dataclass
class Scene:
    time: Time
    simulation: Simulation
    control: httpx.AsyncClient
    wire: Wire
    reaper: Reaper
    process: Process
    world: World
    tenant: str
    grant: UUID
    told: dict[tuple[str, str], list[tuple[datetime, Any]]] = field(default_factory=lambda: defaultdict(list))
    heard: dict[str, tuple[datetime, Contact]] = field(default_factory=dict)
    """By contact: when its last webhook was accepted, and what Xero held then."""
    written_at: dict[str, datetime] = field(default_factory=dict)
    overwritten: list[Overwritten] = field(default_factory=list)
    job_began: datetime = BEGAN
    kill_at: int | None = None
    """The next job ends at this one of its statements or calls."""
    killed: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def book(self) -> ContactBook:
        return self.simulation.world.organisations[self.tenant].contacts

    async def at_xero(self, path: str, content: object, method: str = "POST") -> httpx.Response:
        """A person's doing inside Xero."""
        return await self.control.request(
            method, f"/simulator/organisations/{self.tenant}/{path}", json=content
        )

    async def job(self, work: Awaitable[object]) -> object:
        """Run a worker's job. Values that it read count only if it lived to store them."""
        self.wire.shown = []
        self.job_began = self.time.at
        self.reaper.left, self.kill_at = self.kill_at, None
        try:
            done = await work
        except BaseException as died:
            if not _is_killed(died):
                raise
            self.killed += 1
            self.wire.shown = []
            return None
        finally:
            self.reaper.left = None
        for at, element in self.wire.shown:
            self.note(at, element)
        self.wire.shown = []
        return done

    def hear(self, body: bytes) -> None:
        """Webhooks were accepted."""
        for event in msgspec.json.decode(body)["events"]:
            contact = self.book.find(event["resourceId"])
            if event["eventCategory"] == "CONTACT" and contact is not None and not self.book.lag:
                self.heard[contact.id] = (self.time.at, contact)

    def watch_write(self, body: bytes) -> None:
        """Note what the write overwrites of the values that were announced before the job began.

        A value within two seconds of our own last write is left out where webhooks come late or in another order: the first
        event of these two seconds counts as the event of our write.
        """
        for element in msgspec.json.decode(body)["Contacts"]:
            contact_id = element["ContactID"]
            at, announced = self.heard.get(contact_id, (None, None))
            now, before = self.book.find(contact_id), self.written_at.get(contact_id)
            self.written_at[contact_id] = self.time.xero()
            if at is None or announced is None or now is None or at >= self.job_began:
                continue
            chance = self.simulation.courier.chance
            near = before is not None and announced.updated <= before + timedelta(seconds=2)
            if now.updated == announced.updated and not (near and (chance.delay or chance.shuffle)):
                self.overwritten += [Overwritten(at, member, announced) for member in element]

    def note(self, at: datetime, element: dict[str, Any]) -> None:
        for name, value in shown_values(element).items():
            seen = self.told[element["ContactID"], name]
            if not seen or seen[-1][1] != value:
                seen.append((at, value))

    async def due(self) -> list[Callable[[], Awaitable[bool]]]:
        """The jobs that a worker would begin now, in its order."""
        found = await due.find(self.process.database, self.process.database.clock.now())
        return [partial(jobs.run, self.process, one.job, self.stop) for one in found]

    async def work(self, which: int = 0) -> bool:
        """One of the things that are due; False where nothing is."""
        jobs = await self.due()
        if not jobs:
            return False
        await self.job(jobs[which % len(jobs)]())
        return True

    async def work_all(self, most: int = 60) -> None:
        for _ in range(most):
            jobs = await self.due()
            # What could not be done now is due again later, as the dispatcher lets it rest.
            if not any([await self.job(job()) for job in jobs]):
                return

    async def go_on(self, then: str) -> None:
        """Let the workers do as `then` says, a value of THEN."""
        match then:
            case "one job":
                await self.work()
            case "all":
                await self.work_all()
            case "all a minute later":
                await self.time.sleep(61)
                await self.work_all()

    async def begin_run(self, purpose: RunPurpose) -> None:
        async with self.world.tx() as tx:
            await organisations.begin_run(tx, self.world.organisation, purpose)

    async def send(self) -> None:
        await self.job(send_due(self.process, self.world.workspace, self.world.organisation))

    async def settle(self) -> None:
        """End the faults, let time pass until nothing is due, then run a full scan."""
        self.simulation.faults.clear()
        self.wire.interludes.clear()
        self.book.lag = timedelta()
        self.simulation.courier.chance = Chance()
        if not self.simulation.world.is_connected(DEMO_CLIENT_ID, self.tenant) or await self._is_locked_out():
            await self.reconnect()
        await self._until_quiet()
        await self.time.sleep(15 * 60)
        await self.begin_run(RunPurpose.SCAN)
        await self._until_quiet()

    async def _until_quiet(self) -> None:
        for _ in range(ROUNDS):
            await self.simulation.courier.deliver(early=True)
            await self.work_all()
            if not any((await self.owed()).values()):
                return
            await self.time.sleep(65)
        links = await self.world.rows(
            "select * from sync_link where workspace_id = :ws and due_at is not null"
        )
        raise AssertionError(("never quiet", await self.owed(), links))

    async def cut_database(self) -> None:
        """PostgreSQL ends every connection, as a restart does."""
        engine = self.process.database.engine
        async with engine.connect() as connection:
            await connection.execute(
                sa.text(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where usename = current_user and pid <> pg_backend_pid()"
                )
            )

    def disconnect_in_xero(self) -> None:
        """A person ends the app's connection inside Xero, without any notice to Tandem."""
        for connection in list(self.simulation.world.connections.values()):
            self.simulation.world.disconnect(connection.id)

    async def reconnect(self) -> None:
        """A person connects the organisation again."""
        now = self.process.database.clock.now()
        self.grant, connection = await consent(self.process, XERO, now, tenantId=self.tenant)
        async with self.world.tx() as tx:
            await organisations.connect(tx, Tenant(UUID(self.tenant), connection.id, None), self.grant)

    async def _is_locked_out(self) -> bool:
        """Now, or as soon as the tokens are to be renewed."""
        locked_out = (await self.organisation())["health"] == "NEEDS_RECONNECT"
        return locked_out or not self.simulation.world.grants

    async def organisation(self) -> dict[str, Any]:
        [row] = await self.world.rows("select * from organisation where workspace_id = :ws")
        return row

    async def owed(self) -> dict[str, int]:
        [row] = await self.world.rows(
            "select (select count(*) from sync_link where workspace_id = :ws and due_at is not null"
            " and state in ('PENDING', 'FAILING', 'CONFLICT')) as due,"
            " (select count(*) from delivery where workspace_id = :ws and ended_at is null) as open,"
            " (select count(*) from import_run where workspace_id = :ws and finished_at is null) as runs,"
            " (select count(*) from xero_contact where workspace_id = :ws and dirty) as dirty,"
            " (select count(*) from invoice where workspace_id = :ws and due_at is not null"
            " and failure_code is distinct from 'INVOICE_NUMBER_TAKEN') as invoices"
        )
        return row | {"announced": self.simulation.courier.waiting(DEMO_CLIENT_ID)}


def _is_killed(error: BaseException) -> bool:
    """Also where it was doing several things at once."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_killed(one) for one in error.exceptions)
    return isinstance(error, KilledError)


def shown_values(element: dict[str, Any]) -> dict[str, Any]:
    """Of an element of an answer: the synced fields, in Xero's own form."""
    if element.get("HasValidationErrors"):
        return {}
    values: dict[str, Any] = {
        "NAME": element.get("Name"),
        "BILLING_EMAIL": element.get("EmailAddress") or None,
    }
    for phone in element.get("Phones", []):
        if phone["PhoneType"] == "DEFAULT":
            values["PRIMARY_PHONE"] = (
                phone.get("PhoneCountryCode", ""), phone.get("PhoneAreaCode", ""), phone.get("PhoneNumber", ""),
            )  # fmt: skip
    for address in element.get("Addresses", []):
        if address["AddressType"] == "POBOX":
            values["BILLING_ADDRESS"] = (address.get("AddressLine1", ""), address.get("City", ""))
    return values


@contextmanager
def one_loop(place: Place) -> Iterator[asyncio.Runner]:
    """One event loop for all examples of a state machine: they share their connections with PostgreSQL."""
    with asyncio.Runner() as runner:
        yield runner
        runner.run(close_pools(place))


async def end_tasks() -> None:
    """No task of an example runs on into the next example."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _receiver(database: Database, hear: Callable[[bytes], None]) -> Starlette:
    """The API's address for webhooks. `hear` gets the body of each request that was accepted."""
    events = Counter("events", "", ["outcome"], registry=CollectorRegistry())
    inbox = webhooks.Inbox(database, events)

    async def receive(request: Request) -> Response:
        answer = await webhooks.receive([HOOK_KEY], inbox, events, request)
        if answer.status_code == 200:
            hear(await request.body())
        return answer

    return Starlette(routes=[Route("/webhooks/xero", receive, methods=["POST"])])


@asynccontextmanager
async def staged(
    place: Place,
    services: embedded_services.Services,
    *,
    policy: ConflictPolicy = ConflictPolicy.LATEST_WINS,
    contact_filter: XeroContactFilter = XeroContactFilter.ALL,
) -> AsyncIterator[Scene]:
    """An organisation that is connected and started, without contacts on either side."""
    time, reaper = Time(), Reaper()
    settings = settings_for(place, services, XERO)
    world = demo_world(0, seed=7, clock=time.xero)
    world.subscribe(Subscription(DEMO_CLIENT_ID, "http://tandem.test/webhooks/xero", HOOK_KEY))
    listeners: list[Callable[[bytes], None]] = []

    def hear(body: bytes) -> None:
        for listener in listeners:
            listener(body)

    def tick(*_: object) -> None:
        reaper.tick()

    keys = KeyRing.parse(key.get_secret_value() for key in settings.tandem_keys)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(lent(place, "command", time, pool_size=4))
        app = create_app(world, webhook_transport=httpx.ASGITransport(_receiver(database, hear)))
        wire = Wire(httpx.ASGITransport(app), reaper, time)
        statements = (database.engine.sync_engine, "before_cursor_execute", tick)
        sa.event.listen(*statements)
        stack.callback(sa.event.remove, *statements)
        simulation: Simulation = app.state.simulation
        [tenant] = simulation.world.organisations
        http = await stack.enter_async_context(web_client(transport=wire))
        simulated = web_client(transport=httpx.ASGITransport(app), base_url=XERO)
        control = await stack.enter_async_context(simulated)
        process = TestedProcess(
            settings,
            database,
            keys,
            http,
            Notifications(settings.listen_url or ""),
            oauth.App.of(settings),
            time=time,
        )
        practice = await make_world(database, policy=policy, contact_filter=contact_filter)
        grant, _ = await consent(process, XERO, database.clock.now(), tenantId=tenant)
        async with practice.tx() as tx:
            await tx.run(
                "update organisation set tenant_id = :tenant, grant_id = :grant, base_currency = ''"
                " where workspace_id = :ws",
                tenant=UUID(tenant), grant=grant,
            )  # fmt: skip
            await organisations.begin_run(tx, practice.organisation, RunPurpose.SCAN)
        scene = Scene(time, simulation, control, wire, reaper, process, practice, tenant, grant)
        listeners.append(scene.hear)
        wire.writes = scene.watch_write
        await scene.work_all()
        yield scene
