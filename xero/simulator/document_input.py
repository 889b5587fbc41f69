"""Reads the elements of a write of invoices or credit notes, before any rule of the organisation is asked."""

from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec

from xero.simulator.arithmetic import AMOUNTS_ARE
from xero.simulator.elements import (
    Element,
    PartError,
    amount_of,
    check_length,
    choice_of,
    date_of,
    entries_of,
    flag_of,
    id_of,
    object_of,
    text_of,
)
from xero.simulator.ledger import BILL, BILL_CREDIT, SALE, SALE_CREDIT, STATUSES

_LONGEST_DESCRIPTION = 4000
_LONGEST_CODE = 10


class Names(msgspec.Struct, frozen=True):
    """How a resource calls its parts."""

    resource: str
    id: str
    number: str
    types: tuple[str, ...]


INVOICES = Names("Invoices", "InvoiceID", "InvoiceNumber", (SALE, BILL))
CREDIT_NOTES = Names("CreditNotes", "CreditNoteID", "CreditNoteNumber", (SALE_CREDIT, BILL_CREDIT))


class LineInput(msgspec.Struct):
    """A line as sent; None for a member that was left out."""

    id: str | None
    description: str | None
    quantity: Decimal | None
    unit_amount: Decimal | None
    line_amount: Decimal | None
    tax_amount: Decimal | None
    account_code: str | None
    account_id: str | None
    tax_type: str | None
    discount_rate: Decimal | None
    discount_amount: Decimal | None
    item_code: str | None
    tracking: list[Element] | None


class DocumentInput(msgspec.Struct):
    """The content of one element. `fields` are those sent, by attribute of Document; `lines` is None where the element
    leaves them alone; `contact` is as sent. `part_errors` are shown on the part of the element that they are about."""

    echo: Element
    id: str | None
    type: str | None
    status: str | None
    number: str | None
    contact: Element | None
    fields: dict[str, Any]
    lines: list[LineInput] | None
    errors: list[str]
    part_errors: list[PartError] = msgspec.field(default_factory=list)


def parse_document(element: Element, names: Names) -> DocumentInput:
    errors: list[str] = []
    number = text_of(element, names.number)
    check_length(names.number, number or "", 255, errors)
    lines = None
    if element.get("LineItems") is not None:
        lines = [_parse_line(entry, errors) for entry in entries_of(element, "LineItems")]
    return DocumentInput(
        echo=element,
        id=id_of(element, names.id),
        type=choice_of(element, "Type", names.types),
        status=choice_of(element, "Status", STATUSES),
        number=number.strip() if number else None,
        contact=object_of(element, "Contact"),
        fields=_parse_fields(element, errors),
        lines=lines,
        errors=errors,
    )


def _parse_fields(element: Element, errors: list[str]) -> dict[str, Any]:
    reference, url = text_of(element, "Reference"), text_of(element, "Url")
    check_length("Reference", reference or "", 255, errors)
    if url and not _is_address(url):
        errors.append("The Url must be an absolute address.")
    if url and "xero" in url.lower():
        errors.append("The Url must not contain 'xero'.")
    rate = amount_of(element, "CurrencyRate")
    if rate is not None and rate <= 0:
        errors.append("The CurrencyRate must be greater than zero.")
    currency = text_of(element, "CurrencyCode")
    days: dict[str, date | None] = {
        "date": date_of(element, "Date"),
        "due_date": date_of(element, "DueDate"),
        "expected_payment_date": date_of(element, "ExpectedPaymentDate"),
    }
    fields = {
        **days,
        "amounts_are": choice_of(element, "LineAmountTypes", AMOUNTS_ARE),
        "currency": currency.upper() if currency else None,
        "currency_rate": rate,
        "reference": reference,
        "url": url,
        "sent_to_contact": flag_of(element, "SentToContact"),
        "branding_theme_id": id_of(element, "BrandingThemeID"),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _parse_line(element: Element, errors: list[str]) -> LineInput:
    line = LineInput(
        id=id_of(element, "LineItemID"),
        description=text_of(element, "Description"),
        quantity=amount_of(element, "Quantity"),
        unit_amount=amount_of(element, "UnitAmount"),
        line_amount=amount_of(element, "LineAmount"),
        tax_amount=amount_of(element, "TaxAmount"),
        account_code=text_of(element, "AccountCode"),
        account_id=id_of(element, "AccountID"),
        tax_type=text_of(element, "TaxType"),
        discount_rate=amount_of(element, "DiscountRate"),
        discount_amount=amount_of(element, "DiscountAmount"),
        item_code=text_of(element, "ItemCode"),
        tracking=None if element.get("Tracking") is None else entries_of(element, "Tracking"),
    )
    check_length("Description", line.description or "", _LONGEST_DESCRIPTION, errors)
    check_length("AccountCode", line.account_code or "", _LONGEST_CODE, errors)
    check_length("ItemCode", line.item_code or "", 30, errors)
    if len(line.tracking or ()) > 2:
        errors.append("A line item can have at most 2 tracking categories.")
    if line.discount_rate is not None and not 0 <= line.discount_rate <= 100:
        errors.append("The DiscountRate must be between 0 and 100.")
    return line
