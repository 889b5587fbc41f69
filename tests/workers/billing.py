"""A practice whose contacts are linked with the simulator's, and which sends its invoices there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.connection import organisation_copy, organisations
from domain.invoices import actions as invoice_actions
from domain.invoices import changes as invoice_changes
from domain.invoices import mappings, waiting
from domain.invoices import reads as domain_reads
from domain.invoices.changes import Decision
from domain.invoices.input import GivenLine
from domain.practice import services_and_rates
from domain.tables import Invoice
from runtime.embedded import services as embedded_services
from tests.database import Place
from tests.domain.billed import InvoiceMaker
from tests.workers.connected import Connected, connected
from workers import catalogues, importing, invoice_reads, invoicing
from xero.allowance import Priority
from xero.client import Client
from xero.invoices import Invoice as XeroInvoice
from xero.simulator.clock import Clock as XeroClock
from xero.simulator.clock import system_clock


@dataclass
class MovedClock:
    """The machine's, moved forward."""

    by: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


@dataclass
class Billing(InvoiceMaker):
    here: Connected
    clock: MovedClock
    tenant: UUID
    contact: UUID
    service: UUID = field(init=False)
    gst: UUID = field(init=False)

    @property
    def key(self) -> tuple[Any, UUID, UUID]:
        return self.here.process, self.here.world.workspace, self.here.world.organisation

    async def set_up(self) -> None:
        assert await catalogues.read_due(*self.key)
        async with self.here.world.tx() as tx:
            service = await services_and_rates.create_service_type(tx, "Accounting")
            gst = await services_and_rates.create_tax_rate(tx, "GST", Decimal(15))
            organisation = self.here.world.organisation
            await mappings.set_default_accounts(tx, organisation, "200", "220")
            await mappings.set_tax_mapping(tx, organisation, gst.id, "OUTPUT2")
            await mappings.set_sync(tx, organisation, enabled=True, start_date=date(2026, 11, 1))
        self.service, self.gst = service.id, gst.id

    async def approved(self, *lines: GivenLine, **given: Any) -> Invoice:
        async with self.here.world.tx() as tx:
            made = await invoice_actions.create(tx, self.input(*lines, **given))
            return await invoice_actions.approve(tx, made.id)

    async def many_approved(self, count: int) -> list[Invoice]:
        async with self.here.world.tx() as tx:
            made = [await invoice_actions.create(tx, self.input()) for _ in range(count)]
            return [await invoice_actions.approve(tx, one.id) for one in made]

    async def sent(self, *lines: GivenLine, **given: Any) -> Invoice:
        made = await self.approved(*lines, **given)
        async with self.here.world.tx() as tx:
            return await invoice_actions.send(tx, made.id)

    async def void(self, invoice: Invoice) -> None:
        async with self.here.world.tx() as tx:
            await invoice_actions.void(tx, invoice.id)

    async def switch(self, *, on: bool) -> None:
        async with self.here.world.tx() as tx:
            await mappings.set_sync(tx, self.here.world.organisation, enabled=on)

    async def settle(self, invoice: Invoice, decision: Decision) -> tuple[Invoice, Invoice | None]:
        async with self.here.world.tx() as tx:
            return await invoice_changes.settle_change(tx, invoice.id, decision)

    async def send_once(self) -> bool:
        """One batch of each lane; False where nothing was sent."""
        return any([await invoicing.send_invoices(*self.key, bulk=bulk) for bulk in (False, True)])

    async def send(self) -> None:
        while await self.send_once():
            pass

    async def there(self, *lines: GivenLine, **given: Any) -> Invoice:
        """Sent, and arrived."""
        made = await self.sent(*lines, **given)
        await self.send()
        return await self.look(made)

    async def recover(self) -> None:
        for row in await self.here.world.rows(
            "select id from delivery where ended_at is null and cargo = 'INVOICES'"
        ):
            await invoicing.recover(self.here.process, self.here.world.workspace, row["id"])

    async def contact_in_xero(self) -> UUID:
        """Xero's own id of the billed contact."""
        [row] = await self.here.world.rows(
            "select x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
            " where l.workspace_id = :ws and l.contact_id = :contact",
            contact=self.contact,
        )
        found: UUID = row["xero_contact_id"]
        return found

    async def read_contacts(self) -> None:
        world = self.here.world
        async with world.tx() as tx:
            await organisations.sync_now(tx, world.organisation)
        for row in await world.rows("select id from import_run where finished_at is null"):
            while await importing.advance(self.here.process, world.workspace, row["id"]):
                pass

    async def read_catalogue(self) -> None:
        """Accounts, tax rates and lock dates, as Xero has them now."""
        async with self.here.world.tx() as tx:
            await waiting.catalogue_wanted(tx, self.here.world.organisation, tx.now)
        assert await catalogues.read_due(*self.key)

    async def poll(self) -> None:
        await self.make_poll_due()
        assert await invoice_reads.poll(*self.key)
        while await invoice_reads.poll(*self.key):
            pass

    async def make_poll_due(self) -> None:
        async with self.here.world.tx() as tx:
            await domain_reads.postpone_poll(tx, self.here.world.organisation, tx.now)

    def later(self, by: timedelta) -> None:
        self.clock.by += by

    async def look(self, invoice: Invoice) -> Invoice:
        async with self.here.world.tx() as tx:
            found = await invoice_actions.find(tx, invoice.id)
            assert found is not None
            return found

    async def at_xero(self, invoice: Invoice) -> XeroInvoice | None:
        return (await (await self.client()).find_invoice_by_number(invoice.number)).value

    async def all_at_xero(self) -> list[XeroInvoice]:
        return (await (await self.client()).invoices_page(1, page_size=1000)).items

    async def client(self) -> Client:
        async with self.here.world.tx() as tx:
            organisation = await organisation_copy.get(tx, self.here.world.organisation)
        return self.here.process.client(organisation, Priority.INTERACTIVE)

    async def fault(self, **fault: Any) -> None:
        await self.tell("POST", "/simulator/faults", {"path": ".*Invoices.*", "count": 1, **fault})

    async def act(self, method: str, path: str, body: Any = None) -> Any:
        """An act of a person in Xero."""
        return await self.tell(method, f"/simulator/organisations/{self.tenant}/{path}", body)

    async def tell(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.here.process.http.request(method, self.here.xero + path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


@asynccontextmanager
async def making(
    place: Place,
    services: embedded_services.Services,
    contacts: int = 4,
    *,
    simulated: XeroClock = system_clock,
) -> AsyncIterator[Billing]:
    clock = MovedClock()
    async with connected(place, services, contacts, clock, simulated=simulated) as here:
        run = await here.start_import()
        while await importing.advance(here.process, here.world.workspace, run):
            pass
        [organisation] = await here.world.rows("select tenant_id from organisation where workspace_id = :ws")
        [link, *_] = await here.world.rows(
            "select contact_id from sync_link where workspace_id = :ws order by contact_id"
        )
        made = Billing(here, clock, organisation["tenant_id"], link["contact_id"])
        await made.set_up()
        yield made
