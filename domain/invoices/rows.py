"""The rows of an invoice: its lines and totals, written in one place, and the event of a change."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from uuid import UUID, uuid4

from msgspec import UNSET
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from domain import activity
from domain.activity import Change
from domain.invoices import waiting as waiting_invoices
from domain.invoices.input import GivenLine, compute
from domain.invoices.totals import Totals, cents, discount_shown, rounded
from domain.names.text_keys import name_key, search_key
from domain.problems import Code, refuse
from domain.tables import (
    ActivityKind,
    Invoice,
    InvoiceInXero,
    InvoiceLine,
    InvoiceLineKind,
    LineInXero,
    TaxRate,
)
from domain.tx import Tx


def set_totals(invoice: Invoice, found: Totals) -> None:
    invoice.subtotal, invoice.tax_total, invoice.total = found.subtotal, found.tax, found.total
    invoice.total_cents, invoice.amount_due = cents(found.total), found.total - invoice.amount_paid


def touch(tx: Tx, invoice: Invoice) -> None:
    """Raise the version and publish: data that people see has changed."""
    invoice.version += 1
    invoice.updated_at = tx.now
    waiting_invoices.tell(tx, invoice)


def recorded(tx: Tx, invoice: Invoice, what: str, changes: Sequence[Change] = ()) -> None:
    activity.record(
        tx, ActivityKind.INVOICE_CHANGED, f"Invoice {invoice.number} {what}.",
        organisation=invoice.organisation_id, contact=invoice.contact_id, invoice=invoice.id, changes=changes,
    )  # fmt: skip
    waiting_invoices.tell(tx, invoice)


def as_given(line: InvoiceLine) -> GivenLine:
    return GivenLine(
        line.description, line.quantity, line.unit_price, line.service_type_id, line.tax_rate_id, line.discount_rate,
        line.discount_amount, line.kind, line.id,
    )  # fmt: skip


async def totals_of(tx: Tx, invoice: Invoice, lines: Sequence[InvoiceLine]) -> Totals:
    found = await tx.session.scalars(
        select(TaxRate).where(
            col(TaxRate.workspace_id) == tx.workspace,
            col(TaxRate.id).in_([line.tax_rate_id for line in lines if line.tax_rate_id]),
        )
    )
    return compute(lines, {rate.id: rate.percentage for rate in found}, invoice.amounts_are)


async def add(tx: Tx, invoice: Invoice) -> None:
    async with _numbered(
        tx, "Another invoice has this number. Choose another one, or leave `number` out.", "number"
    ):
        tx.session.add(invoice)


async def renumber(tx: Tx, invoice: Invoice, number: str | None) -> None:
    """Take over the number that the invoice has in Xero. Refused if another has it (TAKEN) or if it is blank (INVALID)."""
    if number is None:
        raise refuse(
            Code.INVALID, "The invoice has no number in Xero now. Give it one there first.", "invoiceId"
        )
    message = (
        f"The invoice has the number {number} in Xero now, which another invoice has here. Change it in Xero."
    )
    async with _numbered(tx, message, "invoiceId"):
        invoice.number, invoice.number_key = number, name_key(number) or number


@asynccontextmanager
async def _numbered(tx: Tx, message: str, path: str) -> AsyncIterator[None]:
    """Refuse (TAKEN) if the number that is set in this context is in use."""
    try:
        async with tx.session.begin_nested():
            yield
    except IntegrityError as error:
        if "uq_invoice_workspace_id_number_key" not in str(error.orig):
            raise
        raise refuse(Code.TAKEN, message, path) from None


async def write_lines(
    tx: Tx, invoice: Invoice, lines: Sequence[GivenLine], kept: Mapping[UUID, InvoiceLine], found: Totals
) -> None:
    """Write the rows of `lines`. Other lines go. Earlier results of the check are dropped."""
    for gone in kept.keys() - {line.id for line in lines}:
        await tx.session.delete(kept[gone])
    for place, (line, total) in enumerate(zip(lines, found.lines, strict=True)):
        row = kept.get(line.id) if line.id else None
        if row is None:
            row = InvoiceLine(
                workspace_id=tx.workspace, id=uuid4(), invoice_id=invoice.id, place=place, description=""
            )
            tx.session.add(row)
        row.place, row.kind, row.description = place, line.kind, line.description
        row.quantity, row.unit_price = line.quantity, line.unit_price
        row.discount_rate, row.discount_amount = line.discount_rate, line.discount_amount
        row.service_type_id, row.tax_rate_id = line.service_type_id, line.tax_rate_id
        row.amount, row.tax_amount = total.amount, total.tax
        row.xero_account_id, row.account_code, row.tax_type = None, None, None
    await tx.session.flush()


async def take_over(
    tx: Tx,
    invoice: Invoice,
    shown: InvoiceInXero,
    lines: Sequence[InvoiceLine],
    rates: Mapping[str, UUID],
) -> None:
    """Take over what Xero shows, amounts included. `rates` are by Xero's tax type.

    A line that both sides know keeps its id, kind and service type.
    """
    invoice.reference = shown.reference or None
    if shown.issue_date is not UNSET and shown.due_date is not UNSET:
        invoice.issue_date, invoice.due_date = shown.issue_date, shown.due_date
    invoice.amounts_are = shown.amounts_are or invoice.amounts_are
    if shown.subtotal is not UNSET and shown.tax_total is not UNSET and shown.total is not UNSET:
        invoice.subtotal, invoice.tax_total = rounded(shown.subtotal), rounded(shown.tax_total)
        invoice.total, invoice.total_cents = rounded(shown.total), cents(rounded(shown.total))
    invoice.search_key = search_key(invoice.number, invoice.reference)
    if shown.lines is UNSET:
        return
    known = {line.xero_line_id: line for line in lines if line.xero_line_id}
    kept = []
    for place, there in enumerate(shown.lines):
        line = (known.get(there.id) if there.id else None) or InvoiceLine(
            workspace_id=tx.workspace, id=uuid4(), invoice_id=invoice.id, place=place, description="",
            kind=InvoiceLineKind.SERVICE, xero_line_id=there.id,
        )  # fmt: skip
        tx.session.add(line)
        kept.append(line.id)
        _take_over_line(line, there, place, rates)
    for line in lines:
        if line.id not in kept:
            await tx.session.delete(line)
    await tx.session.flush()


def _take_over_line(line: InvoiceLine, there: LineInXero, place: int, rates: Mapping[str, UUID]) -> None:
    zero = Decimal(0)
    line.place, line.description = place, there.description or ""
    line.quantity, line.unit_price = there.quantity or zero, there.unit_price or zero
    line.amount, line.tax_amount = there.amount or zero, there.tax_amount or zero
    line.discount_rate, line.discount_amount = discount_shown(
        line.quantity, line.unit_price, line.amount, there.discount_rate, there.discount_amount
    )
    line.item_code, line.tracking = there.item_code, list(there.tracking) or None
    if line.account_code != there.account_code:
        line.account_code, line.xero_account_id = there.account_code, None
    if line.tax_type != there.tax_type:
        line.tax_type = there.tax_type
        line.tax_rate_id = rates.get(there.tax_type) if there.tax_type else None
