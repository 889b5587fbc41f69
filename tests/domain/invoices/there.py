"""An invoice that is in Xero, and what Xero shows of it, without a simulator."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from msgspec import UNSET

from domain.fields.values import SeenInvoice, SeenLine
from domain.invoices import changes as invoice_changes
from domain.invoices import deliveries as invoice_deliveries
from domain.invoices.changes import Decision
from domain.invoices.deliveries import Answered, Outgoing
from domain.invoices.eligibility import Problem
from domain.outbound.deliveries import Claimed
from domain.tables import AmountsAre, DeliveryKind, Invoice
from tests.domain.billed import Billed
from tests.domain.world import BEGAN


def build(kind: DeliveryKind, chosen: Any) -> tuple[bytes, dict[UUID, Problem]]:
    return b"bytes", {}


def as_xero_shows(one: Outgoing) -> SeenInvoice:
    invoice = one.invoice
    lines = tuple(
        SeenLine(uuid4(), line.description, line.quantity, line.unit_price, line.account_code, None, line.tax_type,
                 line.amount, line.tax_amount)
        for line in one.lines
    )  # fmt: skip
    return SeenInvoice(
        xero_invoice_id=uuid4(), status="AUTHORISED", number=invoice.number, reference=invoice.reference, url=UNSET,
        contact_id=one.contact or uuid4(), issue_date=invoice.issue_date, due_date=invoice.due_date,
        currency=invoice.currency, amounts_are=invoice.amounts_are, lines=lines, subtotal=invoice.subtotal,
        tax_total=invoice.tax_total, total=invoice.total, amount_paid=Decimal(0), payments=(),
        updated_at=BEGAN, seen_at=BEGAN,
    )  # fmt: skip


async def claim_write(here: Billed) -> tuple[Claimed, SeenInvoice]:
    """A delivery of one invoice that is under way, and what Xero will show of this invoice."""
    chosen: list[Outgoing] = []

    def keep(_: DeliveryKind, outgoing: Sequence[Outgoing]) -> tuple[bytes, dict[UUID, Problem]]:
        chosen.extend(outgoing)
        return b"bytes", {}

    async with here.world.tx() as tx:
        claimed = await invoice_deliveries.claim(tx, here.world.organisation, keep)
    assert claimed is not None
    return claimed, as_xero_shows(chosen[0])


class There:
    """An invoice that is in Xero, and what Xero shows of it from then on."""

    def __init__(self, here: Billed, invoice: Invoice, seen: SeenInvoice) -> None:
        self.here, self.id, self.seen = here, invoice.id, seen

    async def show(self, **changes: Any) -> Invoice:
        assert self.seen.updated_at is not UNSET
        later = self.seen.updated_at + timedelta(seconds=5)
        self.seen = replace(self.seen, **{"updated_at": later, "seen_at": later, **changes})
        await self.apply(self.seen)
        return await self.here.look(self.id)

    async def apply(self, seen: SeenInvoice) -> None:
        async with self.here.world.tx() as tx:
            await invoice_changes.apply(tx, self.here.world.organisation, [seen])

    async def settle(self, decision: Decision) -> tuple[Invoice, Invoice | None]:
        async with self.here.world.tx() as tx:
            return await invoice_changes.settle_change(tx, self.id, decision)


async def there(
    here: Billed, *lines: Any, amounts_are: AmountsAre = AmountsAre.TAX_EXCLUSIVE, **changes: Any
) -> There:
    """`changes` are what Xero shows otherwise from the beginning."""
    sent = await here.sent(*lines, amounts_are=amounts_are)
    claimed, seen = await claim_write(here)
    seen = replace(seen, **changes)
    async with here.world.tx() as tx:
        await invoice_deliveries.settle(tx, claimed, [Answered(sent.id, seen)])
    return There(here, sent, seen)
