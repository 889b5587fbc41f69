"""How invoices, credit notes and payments look in Xero's answers."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from xero.simulator import arithmetic
from xero.simulator.contact_json import Form, render_contact
from xero.simulator.document_input import CREDIT_NOTES, INVOICES, Names
from xero.simulator.document_writes import Outcome
from xero.simulator.elements import with_part_errors
from xero.simulator.ledger import (
    BILL,
    BILL_CREDIT,
    DRAFT,
    PAID,
    SALE,
    SALE_CREDIT,
    SUBMITTED,
    Allocation,
    Document,
    Line,
    Payment,
    account_by,
)
from xero.simulator.wire import NO_ID, ms_date
from xero.simulator.world import Organisation

_PAYMENT_TYPES = {
    SALE: "ACCRECPAYMENT",
    BILL: "ACCPAYPAYMENT",
    SALE_CREDIT: "ARCREDITPAYMENT",
    BILL_CREDIT: "APCREDITPAYMENT",
}


def render_document(
    organisation: Organisation, document: Document, form: Form, places: int = 2
) -> dict[str, Any]:
    """DETAIL in single reads and paged lists (the contact in full in single reads and writes only: WRITTEN);
    UNPAGED without lines; SUMMARY without payments too."""
    names = CREDIT_NOTES if document.is_credit else INVOICES
    ledger = organisation.ledger
    shown: dict[str, Any] = {
        "Type": document.type,
        names.id: document.id,
        names.number: document.number,
        "Reference": document.reference,
    }
    if form is not Form.SUMMARY:
        shown["Payments"] = [_render_paid(payment) for payment in ledger.payments_of(document)]
        shown["HasAttachments"] = False
    if document.is_credit:
        shown["RemainingCredit"] = ledger.due(document)
        if form is not Form.SUMMARY:
            shown["Allocations"] = [
                _render_allocated(organisation, a) for a in ledger.allocations_of(document)
            ]
    else:
        shown |= _render_settling(organisation, document, form)
    shown |= _render_common(organisation, document, form, places)
    return shown


def _render_settling(organisation: Organisation, document: Document, form: Form) -> dict[str, Any]:
    ledger = organisation.ledger
    shown: dict[str, Any] = {"Prepayments": [], "Overpayments": []}
    if form is not Form.SUMMARY:
        shown["CreditNotes"] = [
            _render_credit(organisation, part) for part in ledger.allocations_of(document)
        ]
    shown |= {
        "AmountDue": arithmetic.cents(ledger.due(document)),
        "AmountPaid": arithmetic.cents(ledger.paid(document)),
        "AmountCredited": arithmetic.cents(ledger.credited(document)),
        "IsDiscounted": any(line.discount_rate or line.discount_amount for line in document.lines),
        "CurrencyRate": document.currency_rate,
    }
    if document.status not in (DRAFT, SUBMITTED):
        shown["SentToContact"] = document.sent_to_contact
    if document.url:
        shown["Url"] = document.url
    if document.expected_payment_date:
        shown["ExpectedPaymentDate"] = _day(document.expected_payment_date)
    if document.total_discount:
        shown["TotalDiscount"] = document.total_discount
    return shown


def _render_common(organisation: Organisation, document: Document, form: Form, places: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "HasErrors": False,
        "Contact": _render_contact(organisation, document, form),
        "DateString": _day_text(document.date),
        "Date": _day(document.date),
    }
    if document.due_date:
        shown |= {"DueDateString": _day_text(document.due_date), "DueDate": _day(document.due_date)}
    shown |= {"Status": document.status, "LineAmountTypes": document.amounts_are}
    if form is not Form.SUMMARY:
        with_lines = form is not Form.UNPAGED
        shown["LineItems"] = [
            render_line(organisation, line, places, in_list=form is Form.DETAIL)
            for line in document.lines
            if with_lines
        ]
    shown |= {
        "SubTotal": arithmetic.cents(document.sub_total),
        "TotalTax": arithmetic.cents(document.total_tax),
        "Total": arithmetic.cents(document.total),
        "UpdatedDateUTC": ms_date(document.updated),
        "UpdatedDateUTCString": f"{document.updated:%Y-%m-%dT%H:%M:%SZ}",
        "CurrencyCode": document.currency,
    }
    if document.branding_theme_id:
        shown["BrandingThemeID"] = document.branding_theme_id
    if document.status == PAID and document.fully_paid_on:
        shown["FullyPaidOnDate"] = _day(document.fully_paid_on)
    return shown


def _render_contact(organisation: Organisation, document: Document, form: Form) -> dict[str, Any]:
    contact = organisation.contacts.find(document.contact_id)
    if contact is not None and form is Form.WRITTEN:
        return render_contact(contact, Form.WRITTEN)
    return {
        "ContactID": document.contact_id,
        "Name": contact.name if contact else "",
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": False,
    }


def render_line(
    organisation: Organisation, line: Line, places: int, *, in_list: bool = False
) -> dict[str, Any]:
    """Render a line. The account's code is the present one. A unit amount of four places is shown with two unless
    `unitdp=4`. A discount is shown as a rate and as an amount, in lists as a rate alone
    (github.com/XeroAPI/Xero-OpenAPI/issues/592)."""
    shown: dict[str, Any] = {"LineItemID": line.id}
    if line.item_code:
        shown["ItemCode"] = line.item_code
    shown["Description"] = line.description
    if line.unit_amount is not None and line.quantity is not None:
        shown |= {"UnitAmount": arithmetic.unit(line.unit_amount, places), "Quantity": line.quantity}
    if line.tax_type:
        shown["TaxType"] = line.tax_type
    shown |= {"TaxAmount": line.tax_amount, "LineAmount": line.line_amount}
    if (rate := arithmetic.discount_rate(line)) is not None:
        shown["DiscountRate"] = rate
        if not in_list:
            shown["DiscountAmount"] = arithmetic.discount_amount(line)
    account = account_by(organisation.accounts, "AccountID", line.account_id)
    if account is not None:
        shown["AccountCode"] = account.get("Code", "")
        shown["AccountID"] = account["AccountID"]
    return shown | {"Tracking": msgspec.to_builtins(line.tracking)}


def _render_paid(payment: Payment) -> dict[str, Any]:
    """A payment in the form of an invoice's list."""
    return {
        "PaymentID": payment.id,
        "Date": _day(payment.date),
        "Amount": payment.amount,
        "Reference": payment.reference,
        "CurrencyRate": Decimal(1),
        "HasAccount": False,
        "HasValidationErrors": False,
    }


def _render_credit(organisation: Organisation, part: Allocation) -> dict[str, Any]:
    note = organisation.ledger.find(part.credit_note_id)
    assert note is not None
    return {
        "CreditNoteID": note.id,
        "CreditNoteNumber": note.number,
        "AppliedAmount": part.amount,
        "Date": _day(part.date),
        "Total": arithmetic.cents(note.total),
        "LineItems": [],
        "HasErrors": False,
    }


def _render_allocated(organisation: Organisation, part: Allocation) -> dict[str, Any]:
    invoice = organisation.ledger.find(part.invoice_id)
    assert invoice is not None
    return {
        "AllocationID": part.id,
        "Amount": part.amount,
        "Date": _day(part.date),
        "Invoice": {"InvoiceID": invoice.id, "InvoiceNumber": invoice.number, "HasErrors": False},
    }


def render_allocation(
    organisation: Organisation, part: Allocation, *, deleted: bool = False
) -> dict[str, Any]:
    """Render an allocation in full, as the answer to a write shows it. A deleted allocation is rendered in full too,
    because Xero's SDKs need that."""
    shown = _render_allocated(organisation, part)
    return shown | ({"IsDeleted": True} if deleted else {"StatusAttributeString": "OK"})


def render_payment(organisation: Organisation, payment: Payment) -> dict[str, Any]:
    """A payment in the form of /Payments."""
    document = organisation.ledger.find(payment.document_id)
    assert document is not None
    account = account_by(organisation.accounts, "AccountID", payment.account_id)
    kind = "Invoice"
    named: dict[str, Any] = {"InvoiceID": document.id, "InvoiceNumber": document.number}
    if document.is_credit:
        kind, named = "CreditNote", {"CreditNoteID": document.id, "CreditNoteNumber": document.number}
    named |= {"Type": document.type, "Contact": _render_contact(organisation, document, Form.SUMMARY)}
    named |= {"CurrencyCode": document.currency, "HasErrors": False}
    return {
        "PaymentID": payment.id,
        "Date": _day(payment.date),
        "BankAmount": payment.amount,
        "Amount": payment.amount,
        "Reference": payment.reference,
        "CurrencyRate": Decimal(1),
        "PaymentType": _PAYMENT_TYPES[document.type],
        "Status": payment.status,
        "UpdatedDateUTC": ms_date(payment.updated),
        "UpdatedDateUTCString": f"{payment.updated:%Y-%m-%dT%H:%M:%SZ}",
        "HasAccount": account is not None,
        "IsReconciled": False,
        **({"Account": {"AccountID": account["AccountID"], "Code": account["Code"]}} if account else {}),
        kind: named,
        "HasValidationErrors": False,
    }


def render_outcome(
    organisation: Organisation, names: Names, outcome: Outcome, places: int, *, summarised: bool
) -> dict[str, Any]:
    if outcome.document is None:
        return render_refused(organisation, names, outcome, places, with_status=not summarised)
    shown = render_document(organisation, outcome.document, Form.WRITTEN, places)
    return shown if summarised else shown | {"StatusAttributeString": "OK", "ValidationErrors": []}


def render_refused(
    organisation: Organisation, names: Names, outcome: Outcome, places: int, *, with_status: bool = False
) -> dict[str, Any]:
    """A change is answered with the document as it is stored, a new document as it was sent, its id all zeros."""
    if outcome.before is not None:
        shown = render_document(organisation, outcome.before, Form.WRITTEN, places)
    else:
        sent = {name: value for name, value in outcome.asked.echo.items() if value is not None}
        shown = {names.id: NO_ID, **sent}
    shown = with_part_errors(shown, outcome.asked.part_errors) | {"HasErrors": True}
    if with_status:
        shown["StatusAttributeString"] = "ERROR"
    return shown | {"ValidationErrors": [{"Message": message} for message in outcome.errors]}


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _day(day: date) -> str:
    return ms_date(midnight(day))


def _day_text(day: date) -> str:
    return f"{day.isoformat()}T00:00:00"
