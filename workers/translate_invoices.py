"""Xero's invoices, accounts and tax rates to domain values, and invoices to Xero's payloads. Pure."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from domain.fields.values import SeenInvoice, SeenLine, SeenPayment, clean
from domain.invoices.deliveries import Outgoing
from domain.invoices.xero_catalogue import Catalogue, SeenAccount, SeenTaxRate
from domain.tables import AmountsAre, PaymentKind
from xero.invoices import (
    ContactRef,
    Invoice,
    InvoiceUpdate,
    Line,
    NewInvoice,
    NewLine,
    Tracking,
    WrittenInvoice,
)
from xero.payloads import Account, Organisation, TaxRate, XeroTime

LineAmounts = Literal["Exclusive", "Inclusive", "NoTax"]
LINE_AMOUNTS: dict[AmountsAre, LineAmounts] = {
    AmountsAre.TAX_EXCLUSIVE: "Exclusive",
    AmountsAre.TAX_INCLUSIVE: "Inclusive",
    AmountsAre.NO_TAX: "NoTax",
}
EPOCH = date(1970, 1, 1)  # if Xero gave no date
_AMOUNTS_ARE = {theirs.lower(): ours for ours, theirs in LINE_AMOUNTS.items()}


def mark(public_url: str, invoice_id: UUID) -> str:
    """The address that every create sends as Url. The mark shows in Xero that the invoice is ours."""
    return f"{public_url.rstrip('/')}/i/{invoice_id}"


def new_invoice(one: Outgoing, url: str) -> NewInvoice:
    invoice = one.invoice
    assert one.contact is not None
    return NewInvoice(
        invoice_number=invoice.number,
        contact=ContactRef(contact_id=one.contact),
        date=invoice.issue_date,
        due_date=invoice.due_date,
        line_amount_types=LINE_AMOUNTS[invoice.amounts_are],
        currency_code=invoice.currency,
        line_items=[
            NewLine(
                description=line.description,
                quantity=line.quantity,
                unit_amount=line.unit_price,
                tax_type=line.tax_type or "",
                account_code=line.account_code or UNSET,
                discount_rate=UNSET if line.discount_rate is None else line.discount_rate,
                discount_amount=UNSET if line.discount_amount is None else line.discount_amount,
                item_code=line.item_code or UNSET,
                tracking=[msgspec.convert(one, Tracking) for one in line.tracking]
                if line.tracking
                else UNSET,
            )
            for line in one.lines
        ],
        url=url,
        reference=invoice.reference or UNSET,
        sent_to_contact=True,
    )


def voided(one: Outgoing) -> InvoiceUpdate:
    assert one.invoice.xero_invoice_id is not None
    return InvoiceUpdate(invoice_id=one.invoice.xero_invoice_id, status="VOIDED")


def seen_invoice(shown: Invoice | WrittenInvoice, seen_at: datetime) -> SeenInvoice:
    assert isinstance(shown.invoice_id, UUID)
    return SeenInvoice(
        xero_invoice_id=shown.invoice_id,
        status=shown.status.upper() if shown.status else UNSET,
        number=_text(shown.invoice_number),
        reference=_text(shown.reference),
        url=_text(shown.url),
        contact_id=shown.contact.contact_id if shown.contact else UNSET,
        issue_date=shown.day or UNSET,
        due_date=shown.due_day or UNSET,
        currency=shown.currency_code or UNSET,
        amounts_are=_AMOUNTS_ARE.get((shown.line_amount_types or "").lower(), UNSET),
        lines=tuple(_line(line) for line in shown.line_items) if shown.line_items else UNSET,
        subtotal=_amount(shown.sub_total),
        tax_total=_amount(shown.total_tax),
        total=_amount(shown.total),
        amount_paid=_paid(shown),
        payments=_payments(shown),
        updated_at=shown.updated_date_utc or UNSET,
        seen_at=seen_at,
        warnings=tuple(one.shown for one in shown.warnings) if isinstance(shown, WrittenInvoice) else (),
    )


def _text(value: str | UnsetType | None) -> str | UnsetType | None:
    return UNSET if value is UNSET else clean(value)


def _amount(value: Decimal | UnsetType | None) -> Decimal | UnsetType:
    return UNSET if value is None or value is UNSET else value


def _line(line: Line) -> SeenLine:
    return SeenLine(
        line.line_item_id or None, clean(line.description), _decimal(line.quantity), _decimal(line.unit_amount),
        clean(line.account_code), line.account_id or None, clean(line.tax_type), _decimal(line.line_amount),
        _decimal(line.tax_amount), _decimal(line.discount_rate) or None, _decimal(line.discount_amount) or None,
        clean(line.item_code), tuple(_tracking(one) for one in line.tracking or ()),
    )  # fmt: skip


def _decimal(value: Decimal | UnsetType | None) -> Decimal | None:
    return value if isinstance(value, Decimal) else None


def _tracking(one: Tracking) -> dict[str, str]:
    """The tracking by Xero's names, in the form in which `new_invoice` sends it again."""
    members: dict[str, object] = msgspec.to_builtins(one)
    return {name: str(value) for name, value in members.items() if value}


def _paid(shown: Invoice | WrittenInvoice) -> Decimal | UnsetType:
    """The whole amount that was paid or credited: the total less the amount due, or the sum of the parts that Xero names."""
    total, due = _amount(shown.total), _amount(shown.amount_due)
    if total is not UNSET and due is not UNSET and (shown.status or "").upper() in ("AUTHORISED", "PAID"):
        return total - due
    parts = [_amount(shown.amount_paid), _amount(shown.amount_credited)]
    known = [part for part in parts if part is not UNSET]
    return sum(known, Decimal(0)) if known else UNSET


def _payments(shown: Invoice | WrittenInvoice) -> tuple[SeenPayment, ...] | UnsetType:
    """UNSET if the answer had no list of payments, as a summary has none."""
    if shown.payments is UNSET:
        return UNSET
    found = [
        (one.payment_id, PaymentKind.PAYMENT, one.day, one.amount, clean(one.reference))
        for one in shown.payments or ()
    ]
    found += [
        (
            one.credit_note_id,
            PaymentKind.CREDIT_NOTE,
            one.day,
            one.applied_amount,
            clean(one.credit_note_number),
        )
        for one in shown.credit_notes or ()
    ]
    found += [
        (one.prepayment_id, PaymentKind.PREPAYMENT, one.day, one.applied_amount, None)
        for one in shown.prepayments or ()
    ]
    found += [
        (one.overpayment_id, PaymentKind.OVERPAYMENT, one.day, one.applied_amount, None)
        for one in shown.overpayments or ()
    ]
    seen = [
        SeenPayment(key, kind, day or shown.day or EPOCH, amount, reference)
        for key, kind, day, amount, reference in found
    ]
    return tuple(_merged(list(parts)) for _, parts in groupby(sorted(seen, key=_key), key=_key))


def _key(payment: SeenPayment) -> UUID:
    return payment.xero_id


def _merged(parts: Sequence[SeenPayment]) -> SeenPayment:
    """Several allocations of one credit note are added up."""
    first = parts[0]
    amount = sum((part.amount for part in parts), Decimal(0))
    return SeenPayment(first.xero_id, first.kind, first.paid_on, amount, first.reference)


def catalogue(organisation: Organisation, accounts: Sequence[Account], rates: Sequence[TaxRate]) -> Catalogue:
    return Catalogue(
        [
            SeenAccount(
                one.account_id, clean(one.code), clean(one.name) or "", clean(one.class_) or "",
                clean(one.type) or "", clean(one.tax_type), clean(one.system_account), _is_active(one.status),
            )
            for one in accounts
        ],
        [
            SeenTaxRate(
                one.tax_type, clean(one.name) or one.tax_type, _rate(one), _is_active(one.status),
                one.can_apply_to_revenue is True, one.can_apply_to_expenses is True,
            )
            for one in rates
        ],
        _day(organisation.period_lock_date),
        _day(organisation.end_of_year_lock_date),
    )  # fmt: skip


def _is_active(status: str | UnsetType | None) -> bool:
    return (clean(status) or "ACTIVE").upper() == "ACTIVE"


def _rate(rate: TaxRate) -> Decimal:
    for amount in (rate.effective_rate, rate.display_tax_rate):
        if isinstance(amount, Decimal):
            return amount
    return Decimal(0)


def _day(time: XeroTime | UnsetType | None) -> date | None:
    return time.date() if time else None
