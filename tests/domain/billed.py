"""A practice that writes invoices: tax rates, service types, an organisation with mapped accounts, a linked contact."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from domain.connection import organisation_copy
from domain.fields.values import SeenInvoice
from domain.invoices import actions as invoice_actions
from domain.invoices import mappings, reads, xero_catalogue
from domain.invoices.input import GivenInvoice, GivenLine
from domain.invoices.xero_catalogue import Catalogue, SeenAccount, SeenTaxRate
from domain.practice import services_and_rates
from domain.tables import Invoice, Organisation
from domain.tx import Tx
from runtime.database import Database
from tests.domain.world import World, make_world, seen

DAY = date(2026, 11, 20)
ACCOUNTS = {
    "200": ("Fees", "REVENUE"),
    "205": ("Fees: Tax", "REVENUE"),
    "220": ("Disbursements", "REVENUE"),
    "400": ("Advertising", "EXPENSE"),
    "090": ("Bank", "ASSET"),
}
RATES = {"OUTPUT2": ("15", True), "INPUT2": ("15", False), "ZERORATED": ("0", True), "OUTPUT": ("12.5", True)}


def chart(
    *, archived: tuple[str, ...] = (), period_lock: date | None = None, rates: Mapping[str, str] | None = None
) -> Catalogue:
    return Catalogue(
        [
            SeenAccount(UUID(int=int(code)), code, name, kind, kind, None, None, code not in archived)
            for code, (name, kind) in ACCOUNTS.items()
        ],
        [
            SeenTaxRate(
                code,
                code,
                Decimal((rates or {}).get(code, percent)),
                code not in archived,
                revenue,
                not revenue,
            )
            for code, (percent, revenue) in RATES.items()
        ],
        period_lock,
        None,
    )


class InvoiceMaker:
    """Makes lines and invoices of a contact, a service type and a tax rate."""

    contact: UUID
    service: UUID
    gst: UUID

    def line(self, price: str = "100", quantity: str = "1", **given: Any) -> GivenLine:
        line = GivenLine("Annual accounts", Decimal(quantity), Decimal(price), self.service, self.gst)
        return replace(line, **given)

    def input(self, *lines: GivenLine, **given: Any) -> GivenInvoice:
        invoice = GivenInvoice(
            contact_id=self.contact, issue_date=DAY, due_date=date(2026, 12, 20), lines=lines or [self.line()]
        )
        return replace(invoice, **given)


@dataclass
class Billed(InvoiceMaker):
    world: World
    contact: UUID
    service: UUID
    gst: UUID

    async def draft(self, *lines: GivenLine, **given: Any) -> Invoice:
        async with self.world.tx() as tx:
            return await invoice_actions.create(tx, self.input(*lines, **given))

    async def approved(self, *lines: GivenLine, **given: Any) -> Invoice:
        made = await self.draft(*lines, **given)
        async with self.world.tx() as tx:
            return await invoice_actions.approve(tx, made.id)

    async def sent(self, *lines: GivenLine, **given: Any) -> Invoice:
        made = await self.approved(*lines, **given)
        async with self.world.tx() as tx:
            return await invoice_actions.send(tx, made.id)

    async def look(self, invoice_id: UUID) -> Invoice:
        async with self.world.tx() as tx:
            found = await invoice_actions.find(tx, invoice_id)
            assert found is not None
            return found

    async def show(self, seen: Catalogue) -> None:
        async with self.world.tx() as tx:
            await xero_catalogue.show(tx, self.world.organisation, seen)


async def make_billed(database: Database) -> Billed:
    return await set_up(await make_world(database))


async def set_up(world: World) -> Billed:
    """Sync is on from 2026-11-01; 15 % is OUTPUT2; revenue goes on 200, expenses on 220."""
    contact = await world.contact("Kauri Joinery Ltd", "office@kauri.example")
    await world.shown(seen("Kauri Joinery Ltd", "office@kauri.example", xero_id=uuid4()))
    await world.import_mirror()
    async with world.tx() as tx:
        service = await services_and_rates.create_service_type(tx, "Accounting")
        gst = await services_and_rates.create_tax_rate(tx, "GST", Decimal(15))
        await xero_catalogue.show(tx, world.organisation, chart())
        await mappings.set_default_accounts(tx, world.organisation, "200", "220")
        await mappings.set_tax_mapping(tx, world.organisation, gst.id, "OUTPUT2")
        await mappings.set_sync(tx, world.organisation, enabled=True, start_date=date(2026, 11, 1))
    return Billed(world, contact.id, service.id, gst.id)


async def end_poll(here: Billed, tx: Tx, *seen: SeenInvoice) -> None:
    """A poll of the invoices that has begun now, and whose only page shows these."""
    organisation = await organisation_copy.get(tx, here.world.organisation)
    row = await tx.session.get_one(Organisation, (tx.workspace, organisation.id), populate_existing=True)
    due = reads.Poll(organisation, row.invoice_page)
    await reads.settle_page(tx, due, seen, last=True, asked_at=tx.now, server_time=tx.now)
