"""Xero's invoices as types: the members that Tandem reads, and the exact bytes that it writes.

Conventions as in `payloads`. Amounts are Decimal on the way in and on the way out; unit amounts have four places, which
`unitdp=4` asks for. Only sales invoices are written. They hold no member that Xero computes itself: no TaxAmount, no
CurrencyRate, no totals. Of the contact they hold the ContactID alone, because more would change the contact.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date as Day
from decimal import Decimal
from typing import Literal, Self
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from xero.messages import Said
from xero.payloads import (
    NOT_SAVED,
    Amount,
    Flag,
    Payload,
    Text,
    XeroTime,
    checked_size,
    decode_hook,
    is_saved,
    parse_time,
)

SALE = "ACCREC"


class Tracking(Payload, kw_only=True, omit_defaults=True):
    """A tracking category of a line, and the option chosen."""

    name: str | UnsetType | None = UNSET
    option: str | UnsetType | None = UNSET
    tracking_category_id: UUID | UnsetType | None = UNSET
    tracking_option_id: UUID | UnsetType | None = UNSET


class Line(Payload, kw_only=True):
    line_item_id: UUID | UnsetType | None = UNSET
    description: Text = UNSET
    quantity: Amount = UNSET
    unit_amount: Amount = UNSET
    account_code: Text = UNSET
    account_id: UUID | UnsetType | None = UNSET
    tax_type: Text = UNSET
    tax_amount: Amount = UNSET
    line_amount: Amount = UNSET
    discount_rate: Amount = UNSET
    discount_amount: Amount = UNSET
    item_code: Text = UNSET
    tracking: list[Tracking] | UnsetType | None = UNSET


class Party(Payload, kw_only=True):
    contact_id: UUID
    name: Text = UNSET


class _Dated(Payload, kw_only=True):
    date: XeroTime | UnsetType | None = UNSET
    date_string: Text = UNSET

    @property
    def day(self) -> Day | None:
        """The calendar day: as its text says it, which has no zone, and else at UTC."""
        return _day(self.date_string, self.date)


class AppliedPayment(_Dated, kw_only=True):
    """A payment that is in force; Xero does not list a removed payment any more."""

    payment_id: UUID
    amount: Decimal
    reference: Text = UNSET
    status: Text = UNSET


class AppliedCreditNote(_Dated, kw_only=True):
    """The amount of a credit note that was put against the invoice."""

    credit_note_id: UUID
    applied_amount: Decimal
    credit_note_number: Text = UNSET


class AppliedPrepayment(_Dated, kw_only=True):
    prepayment_id: UUID
    applied_amount: Decimal


class AppliedOverpayment(_Dated, kw_only=True):
    overpayment_id: UUID
    applied_amount: Decimal


class InvoiceFields(_Dated, kw_only=True):
    """`line_items` is empty, not absent, in unpaged lists: they are asked by page only."""

    type: Text = UNSET
    status: Text = UNSET
    invoice_number: Text = UNSET
    reference: Text = UNSET
    url: Text = UNSET
    contact: Party | UnsetType | None = UNSET
    due_date: XeroTime | UnsetType | None = UNSET
    due_date_string: Text = UNSET
    line_amount_types: Text = UNSET
    line_items: list[Line] | UnsetType | None = UNSET
    currency_code: Text = UNSET
    sub_total: Amount = UNSET
    total_tax: Amount = UNSET
    total: Amount = UNSET
    amount_due: Amount = UNSET
    amount_paid: Amount = UNSET
    amount_credited: Amount = UNSET
    sent_to_contact: Flag = UNSET
    payments: list[AppliedPayment] | UnsetType | None = UNSET
    credit_notes: list[AppliedCreditNote] | UnsetType | None = UNSET
    prepayments: list[AppliedPrepayment] | UnsetType | None = UNSET
    overpayments: list[AppliedOverpayment] | UnsetType | None = UNSET
    updated_date_utc: XeroTime | UnsetType | None = UNSET

    @property
    def due_day(self) -> Day | None:
        return _day(self.due_date_string, self.due_date)


class Invoice(InvoiceFields, kw_only=True):
    invoice_id: UUID


class WrittenInvoice(InvoiceFields, kw_only=True):
    """Xero's answer to one element of a write of invoices; see WrittenContact."""

    invoice_id: UUID | UnsetType | None = UNSET
    has_errors: Flag = UNSET
    status_attribute_string: Text = UNSET
    errors: tuple[Said, ...] = msgspec.field(default=(), name="(errors)")
    warnings: tuple[Said, ...] = msgspec.field(default=(), name="(warnings)")

    @property
    def saved(self) -> bool:
        return is_saved(self.invoice_id, self.has_errors, self.errors, self.status_attribute_string)

    @property
    def messages(self) -> tuple[str, ...]:
        return tuple(one.shown for one in self.errors)


def _day(text: Text, time: XeroTime | UnsetType | None) -> Day | None:
    if text:
        return parse_time(text).date()
    return time.date() if time else None


class ContactRef(Payload, kw_only=True, forbid_unknown_fields=True):
    contact_id: UUID


class NewLine(Payload, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`line_item_id` names a line that is there and stays; in an update, a line that is not named goes."""

    description: str
    quantity: Decimal
    unit_amount: Decimal
    tax_type: str
    account_code: str | UnsetType = UNSET
    account_id: UUID | UnsetType = UNSET
    line_item_id: UUID | UnsetType = UNSET
    discount_rate: Decimal | UnsetType = UNSET
    discount_amount: Decimal | UnsetType = UNSET
    item_code: str | UnsetType = UNSET
    tracking: list[Tracking] | UnsetType = UNSET


class NewInvoice(Payload, kw_only=True, forbid_unknown_fields=True):
    """A sales invoice to create. `url` marks the invoice as ours; after a lost answer, a look-up recognises it by this
    mark."""

    type: Literal["ACCREC"] = "ACCREC"
    invoice_number: str
    contact: ContactRef
    date: Day
    due_date: Day
    line_amount_types: Literal["Exclusive", "Inclusive", "NoTax"]
    currency_code: str
    line_items: list[NewLine]
    url: str
    status: Literal["DRAFT", "SUBMITTED", "AUTHORISED"] = "AUTHORISED"
    reference: str | UnsetType = UNSET
    sent_to_contact: bool | UnsetType = UNSET


class InvoiceUpdate(Payload, kw_only=True, forbid_unknown_fields=True):
    """Changes of one invoice; members that are left out stay unchanged. `line_items` replace all lines. There is no
    InvoiceNumber here."""

    invoice_id: UUID
    status: str | UnsetType = UNSET
    reference: str | UnsetType = UNSET
    contact: ContactRef | UnsetType = UNSET
    date: Day | UnsetType = UNSET
    due_date: Day | UnsetType = UNSET
    line_amount_types: Literal["Exclusive", "Inclusive", "NoTax"] | UnsetType = UNSET
    line_items: list[NewLine] | UnsetType = UNSET
    sent_to_contact: bool | UnsetType = UNSET


class _NewInvoices(Payload, kw_only=True, forbid_unknown_fields=True):
    invoices: list[NewInvoice]


class _InvoiceUpdates(Payload, kw_only=True, forbid_unknown_fields=True):
    invoices: list[InvoiceUpdate]


_encoder = msgspec.json.Encoder(decimal_format="number")
_read_new = msgspec.json.Decoder(_NewInvoices, dec_hook=decode_hook)
_read_updates = msgspec.json.Decoder(_InvoiceUpdates, dec_hook=decode_hook)


@dataclass(frozen=True, repr=False)
class InvoiceCreations:
    """The exact bytes of a PUT. Refuses an invoice without number, mark or lines."""

    content: bytes

    def __post_init__(self) -> None:
        invoices = _read_new.decode(self.content).invoices
        checked_size(self.content, len(invoices))
        if not all(one.invoice_number.strip() and one.url.strip() and one.line_items for one in invoices):
            raise ValueError("a new invoice needs a number, a mark and lines")

    @classmethod
    def of(cls, invoices: Iterable[NewInvoice]) -> Self:
        return cls(_encoder.encode(_NewInvoices(invoices=list(invoices))))


@dataclass(frozen=True, repr=False)
class InvoiceUpdates:
    """The exact bytes of a POST, every element of which has an InvoiceID. Without an id Xero would fall back to the number,
    and overwrite the invoice that has it. The class refuses such bytes, so they cannot be sent."""

    content: bytes

    def __post_init__(self) -> None:
        invoices = _read_updates.decode(self.content).invoices
        checked_size(self.content, len(invoices))
        if any(one.invoice_id == NOT_SAVED for one in invoices):
            raise ValueError("an update needs the InvoiceID of an invoice that exists")

    @classmethod
    def of(cls, invoices: Iterable[InvoiceUpdate]) -> Self:
        return cls(_encoder.encode(_InvoiceUpdates(invoices=list(invoices))))
