"""Changes of sent invoices inside Xero: payments, PAID, voids and edits, and what a person decides about edits.

`xero_base` holds what Xero showed when both sides last agreed, in Xero's own values, so nothing is compared across the
mapping. A difference from it was made inside Xero: it is shown, and waits for a decision. An invoice is never restored
or overwritten automatically. Payments and PAID simply come back.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID, uuid4

from msgspec import UNSET
from msgspec.structs import replace
from sqlmodel import col, select

from domain import activity
from domain.activity import Change
from domain.connection import held_invoices
from domain.described import DescribedEnum
from domain.fields.values import SeenInvoice
from domain.invoices import eligibility, reissue
from domain.invoices import waiting as waiting_invoices
from domain.invoices.actions import check_version, end, lines_of, lock
from domain.invoices.differences import both_in_one_line, contact_names, differing, merged, snapshot
from domain.invoices.eligibility import LINKED, Problem
from domain.invoices.rows import renumber, take_over, touch
from domain.problems import Code, refuse
from domain.tables import (
    ActivityKind,
    Invoice,
    InvoiceInXero,
    InvoiceStatus,
    InvoiceSyncState,
    Payment,
    PaymentKind,
    Side,
)
from domain.tx import Tx

_PAID = "PAID"


class Decision(DescribedEnum):
    """A person's decision about a change that somebody made to an invoice inside Xero."""

    VOID_HERE = (
        "VOID_HERE",
        "Void the invoice, here and in Xero. Refused (HAS_PAYMENTS) while payments are allocated to it.",
    )
    REISSUE = (
        "REISSUE",
        "Void the invoice, here and in Xero, and send the practice's version again under a new number."
        " Refused, with nothing voided, where the new invoice would come to another total or could not pass."
        " In Xero the old invoice is voided once the new one is there.",
    )
    ACCEPT = "ACCEPT", "Take over what Xero has. If Xero voided the invoice, it is voided here too."
    KEEP_APART = "KEEP_APART", "Leave both sides as they are, and do not ask about this change again."


async def apply(tx: Tx, organisation_id: UUID, seen: Sequence[SeenInvoice]) -> None:
    """Apply what Xero showed to its invoices. Invoices of others and older snapshots are dropped."""
    latest = {one.xero_invoice_id: one for one in sorted(seen, key=lambda one: _stamp(one, one.seen_at))}
    held = await tx.session.scalars(
        select(Invoice)
        .where(
            col(Invoice.workspace_id) == tx.workspace,
            col(Invoice.organisation_id) == organisation_id,
            col(Invoice.xero_invoice_id).in_(list(latest)),
        )
        .order_by(col(Invoice.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    invoices = list(held)
    linked = await eligibility.linked(tx, organisation_id, [one.contact_id for one in invoices])
    for invoice in invoices:
        assert invoice.xero_invoice_id is not None
        await show(tx, invoice, latest[invoice.xero_invoice_id], linked.get(invoice.contact_id))


async def follow_merges(tx: Tx, organisation_id: UUID) -> None:
    """Follow the merge of a contact for invoices that were read before the merge: nothing needs a decision then."""
    await held_invoices.lock_setup(tx, organisation_id)
    ids = await tx.ids(
        "select i.id from invoice i join sync_link l on l.workspace_id = :ws and l.organisation_id = i.organisation_id"
        f" and l.contact_id = i.contact_id and l.state in {LINKED} join xero_contact x on x.workspace_id = :ws"
        " and x.id = l.xero_contact_id where i.workspace_id = :ws and i.organisation_id = :organisation"
        " and i.sync_state = 'CHANGED_IN_XERO' and i.xero_shown->>'contact' = x.xero_contact_id::text"
        " and i.xero_base->>'contact' <> i.xero_shown->>'contact' order by i.id for update of i",
        organisation=organisation_id,
    )
    held = await tx.session.scalars(
        select(Invoice)
        .where(col(Invoice.workspace_id) == tx.workspace, col(Invoice.id).in_(ids))
        .execution_options(populate_existing=True)
    )
    for invoice in held:
        shown = merged(invoice.xero_base, invoice.xero_shown)
        invoice.xero_base = replace(invoice.xero_base or shown, contact=shown.contact)
        if not differing(invoice.xero_base, shown):
            eligibility.rest(invoice, InvoiceSyncState.SYNCED)
            invoice.xero_shown = None
        touch(tx, invoice)


async def show(tx: Tx, invoice: Invoice, seen: SeenInvoice, contact: UUID | None) -> None:
    """Apply one snapshot to its invoice, which is locked. `contact` is Xero's id of the contact that it is linked with now."""
    if not _is_news(invoice, seen):
        return
    before = (invoice.status, invoice.sync_state, invoice.amount_paid, invoice.xero_shown)
    moved = _has_moved(invoice, seen)
    invoice.xero_updated_at = invoice.xero_updated_at if seen.updated_at is UNSET else seen.updated_at
    invoice.xero_seen_at = seen.seen_at
    invoice.last_synced_at = tx.now
    invoice.xero_status = invoice.xero_status if seen.status is UNSET else seen.status
    invoice.xero_total = invoice.xero_total if seen.total is UNSET else seen.total
    await _show_payments(tx, invoice, seen)
    shown = snapshot(seen)
    base = merged(shown, invoice.xero_base)
    if contact is not None and shown.contact == contact:
        base = replace(base, contact=contact)  # merged in Xero, and the link has followed
    if shown.lines is not UNSET and "lines" not in differing(base, shown):
        base = replace(base, lines=shown.lines)  # with what is not compared as Xero shows it now
    names = await contact_names(tx, invoice.organisation_id, base, shown)
    _decide(tx, invoice, base, merged(base, shown), names)
    if moved and invoice.failure_code == "INVALID_IN_XERO" and invoice.status is InvoiceStatus.VOIDED:
        invoice.due_at, invoice.next_attempt_at = tx.now, None  # the obstacle to the void may be gone
        tx.notify_workers()
    if before != (invoice.status, invoice.sync_state, invoice.amount_paid, invoice.xero_shown):
        touch(tx, invoice)


def _is_news(invoice: Invoice, seen: SeenInvoice) -> bool:
    known = invoice.xero_updated_at, invoice.xero_seen_at
    if known[0] is None or known[1] is None:
        return True
    return _stamp(seen, known[0]) >= known


def _has_moved(invoice: Invoice, seen: SeenInvoice) -> bool:
    known = invoice.xero_updated_at
    return known is not None and seen.updated_at is not UNSET and seen.updated_at > known


def _stamp(seen: SeenInvoice, otherwise: datetime) -> tuple[datetime, datetime]:
    return (otherwise if seen.updated_at is UNSET else seen.updated_at, seen.seen_at)


def _decide(
    tx: Tx, invoice: Invoice, base: InvoiceInXero, shown: InvoiceInXero, names: Mapping[UUID, str]
) -> None:
    gone = shown.status == "VOIDED"
    if invoice.status is InvoiceStatus.VOIDED:
        _decide_voided(tx, invoice, base, shown, gone=gone)
        return
    if not gone:
        paid = invoice.xero_status == _PAID
        invoice.status = InvoiceStatus.PAID if paid else InvoiceStatus.AWAITING_PAYMENT
    invoice.amount_due = invoice.total - invoice.amount_paid
    if invoice.xero_total is not None and invoice.xero_total != invoice.total and _unchanged(invoice, shown):
        _mismatch(tx, invoice)
        invoice.xero_base = shown
        return
    if invoice.failure_code == "TOTAL_MISMATCH" and not gone:
        base = shown  # it was put right there
    invoice.xero_base = base
    if differing(base, shown):
        _changed(tx, invoice, base, shown, names)
    else:
        eligibility.rest(invoice, InvoiceSyncState.SYNCED)
        invoice.xero_shown = None


def _unchanged(invoice: Invoice, shown: InvoiceInXero) -> bool:
    """Whether the total has differed from the beginning, which no edit in Xero explains."""
    first = invoice.xero_base is None or invoice.failure_code == "TOTAL_MISMATCH"
    return first and shown.status != "VOIDED"


def _decide_voided(
    tx: Tx, invoice: Invoice, base: InvoiceInXero, shown: InvoiceInXero, *, gone: bool
) -> None:
    """Settle a void here once Xero shows the void, no matter who made it. The obstacle to the void may be gone."""
    invoice.amount_due = Decimal("0.00")
    invoice.xero_base, invoice.xero_shown = (shown if gone else base), None
    if gone:
        eligibility.rest(invoice, InvoiceSyncState.SYNCED)
    elif invoice.failure_code == "HAS_PAYMENTS" and invoice.amount_paid <= 0:
        invoice.due_at, invoice.next_attempt_at = tx.now, None
        tx.notify_workers()
    elif (
        invoice.sync_state is InvoiceSyncState.CHANGED_IN_XERO
        or invoice.sync_state is InvoiceSyncState.NOT_SENT
    ):
        invoice.sync_state, invoice.due_at = InvoiceSyncState.PENDING, tx.now
        tx.notify_workers()


def _mismatch(tx: Tx, invoice: Invoice) -> None:
    message = (
        f"Xero comes to {invoice.xero_total:f}, the practice to {invoice.total:f}. Void it, and say so to us."
    )
    invoice.due_at = None
    eligibility.fail(
        tx, invoice, Problem("TOTAL_MISMATCH", message, "VOID_INVOICE", (f"Invoice:{invoice.id}",))
    )


def _changed(
    tx: Tx, invoice: Invoice, base: InvoiceInXero, shown: InvoiceInXero, names: Mapping[UUID, str]
) -> None:
    if invoice.sync_state is InvoiceSyncState.CHANGED_IN_XERO and invoice.xero_shown == shown:
        return
    eligibility.rest(invoice, InvoiceSyncState.CHANGED_IN_XERO)
    invoice.xero_shown = shown
    changes = [
        Change(field, *both_in_one_line(base, shown, field, names), Side.XERO)
        for field in differing(base, shown)
    ]
    what = "voided" if shown.status == "VOIDED" else "changed"
    activity.record(
        tx, ActivityKind.INVOICE_CHANGED, f"Invoice {invoice.number} was {what} in Xero.",
        organisation=invoice.organisation_id, contact=invoice.contact_id, invoice=invoice.id, changes=changes,
    )  # fmt: skip


async def _show_payments(tx: Tx, invoice: Invoice, seen: SeenInvoice) -> None:
    if seen.amount_paid is not UNSET:
        invoice.amount_paid = seen.amount_paid
    if seen.payments is UNSET:
        return
    await tx.session.flush()
    rows = await tx.session.scalars(
        select(Payment)
        .where(col(Payment.workspace_id) == tx.workspace, col(Payment.invoice_id) == invoice.id)
        .execution_options(populate_existing=True)
    )
    known = {row.xero_id: row for row in rows}
    now = {one.xero_id: one for one in seen.payments}
    for xero_id, one in now.items():
        row = known.get(xero_id)
        if row is None:
            row = Payment(
                workspace_id=tx.workspace, id=uuid4(), invoice_id=invoice.id, kind=one.kind, xero_id=xero_id,
                paid_on=one.paid_on, amount=one.amount, reference=one.reference,
            )  # fmt: skip
            tx.session.add(row)
            _paid(tx, invoice, row, "was recorded")
        elif row.reversed or row.amount != one.amount:
            row.reversed, row.amount, row.paid_on, row.reference = (
                False,
                one.amount,
                one.paid_on,
                one.reference,
            )
            _paid(tx, invoice, row, "was changed")
    for xero_id, row in known.items():
        if xero_id not in now and not row.reversed:
            row.reversed = True
            _paid(tx, invoice, row, "was taken off")


def _paid(tx: Tx, invoice: Invoice, payment: Payment, what: str) -> None:
    name = "payment" if payment.kind is PaymentKind.PAYMENT else payment.kind.replace("_", " ").lower()
    activity.record(
        tx, ActivityKind.PAYMENT_RECORDED,
        f"Invoice {invoice.number}: a {name} of {payment.amount:f} {invoice.currency} {what} in Xero.",
        organisation=invoice.organisation_id, contact=invoice.contact_id, invoice=invoice.id,
    )  # fmt: skip
    waiting_invoices.tell(tx, invoice)


async def settle_change(
    tx: Tx, invoice_id: UUID, decision: Decision, *, version: int | None = None
) -> tuple[Invoice, Invoice | None]:
    """Settle CHANGED_IN_XERO. Returns the invoice and, for REISSUE, its replacement, which is sent at once.

    ACCEPT also takes back a void that Xero refuses because of payments (HAS_PAYMENTS).
    """
    invoice = await lock(tx, invoice_id)
    refused_void = invoice.failure_code == "HAS_PAYMENTS"
    if invoice.sync_state is not InvoiceSyncState.CHANGED_IN_XERO and not refused_void:
        raise refuse(
            Code.WRONG_STATE,
            "No change of this invoice in Xero waits for a decision. Read the invoice again.",
            "invoiceId",
        )
    check_version(invoice, version)
    shown = invoice.xero_shown
    replacement = None
    if decision is Decision.KEEP_APART:
        invoice.xero_base, invoice.xero_shown = shown or invoice.xero_base, None
        eligibility.rest(invoice, InvoiceSyncState.SYNCED)
    elif decision is Decision.ACCEPT and (shown is None or shown.status != "VOIDED"):
        await _accept(tx, invoice, shown)
    elif invoice.amount_paid > 0:
        raise refuse(
            Code.HAS_PAYMENTS,
            "Payments or credits are allocated to this invoice in Xero. Remove them there first.",
            "invoiceId",
        )
    else:
        if decision is Decision.REISSUE:
            await reissue.check(tx, invoice)
        await end(tx, invoice)
        if decision is Decision.REISSUE:
            replacement = await reissue.copy(tx, invoice)
            reissue.hold_void(invoice, replacement)
    touch(tx, invoice)
    activity.record(
        tx, ActivityKind.INVOICE_CHANGED,
        f"Invoice {invoice.number}: a change in Xero was settled ({decision.replace('_', ' ').lower()}).",
        organisation=invoice.organisation_id, contact=invoice.contact_id, invoice=invoice.id,
    )  # fmt: skip
    return invoice, replacement


async def _accept(tx: Tx, invoice: Invoice, shown: InvoiceInXero | None) -> None:
    """Take over what Xero has. Payments decide whether the invoice is PAID."""
    if shown is not None:
        changed = differing(invoice.xero_base or InvoiceInXero(), shown)
        if "currency" in changed:
            raise refuse(
                Code.CURRENCY_MISMATCH,
                f"In Xero this invoice is in {shown.currency} now, but the practice bills in {invoice.currency}. Change it"
                " back in Xero, or choose KEEP_APART.",
                "invoiceId",
            )
        if "contact" in changed:
            invoice.contact_id = await _ours(tx, invoice, shown.contact or None)
        if "number" in changed:
            await renumber(tx, invoice, shown.number or None)
        lines = (await lines_of(tx, [invoice.id]))[invoice.id]
        await take_over(tx, invoice, shown, lines, await _tax_rates(tx, invoice))
    invoice.xero_base, invoice.xero_shown = shown or invoice.xero_base, None
    paid = invoice.xero_status == _PAID
    invoice.status = InvoiceStatus.PAID if paid else InvoiceStatus.AWAITING_PAYMENT
    invoice.amount_due = invoice.total - invoice.amount_paid
    eligibility.rest(invoice, InvoiceSyncState.SYNCED)


async def _ours(tx: Tx, invoice: Invoice, xero_contact: UUID | None) -> UUID:
    """The practice's contact that is linked with Xero's. Refused if no contact can be billed."""
    contacts = await tx.ids(
        "select l.contact_id from sync_link l join xero_contact x on x.workspace_id = :ws and x.id = l.xero_contact_id"
        " where l.workspace_id = :ws and l.organisation_id = :organisation and x.xero_contact_id = :contact"
        f" and l.state in {LINKED}",
        organisation=invoice.organisation_id, contact=xero_contact,
    )  # fmt: skip
    if not contacts:
        raise refuse(
            Code.WRONG_STATE,
            "In Xero this invoice bills a contact that is linked to no practice contact. Link that contact first, or"
            " choose KEEP_APART.",
            "invoiceId",
        )
    return contacts[0]


class _MappedRate(NamedTuple):
    tax_rate_id: UUID
    tax_type: str


async def _tax_rates(tx: Tx, invoice: Invoice) -> dict[str, UUID]:
    """The practice's tax rate for each of Xero's tax types."""
    rows = await tx.read(
        _MappedRate,
        "select m.tax_rate_id, x.tax_type from tax_mapping m join xero_tax_rate x on x.workspace_id = :ws"
        " and x.id = m.xero_tax_rate_id where m.workspace_id = :ws and m.organisation_id = :organisation",
        organisation=invoice.organisation_id,
    )
    return {row.tax_type: row.tax_rate_id for row in rows}
