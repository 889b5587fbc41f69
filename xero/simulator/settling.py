"""Payments and credit-note allocations: what makes an invoice paid, and what reverses that.

Each of them changes the invoice's UpdatedDateUTC, as in Xero. A client that polls learns of it by this stamp.
"""

from datetime import date
from decimal import Decimal
from uuid import uuid4

from msgspec.structs import replace

from xero.simulator.arithmetic import cents
from xero.simulator.document_writes import Pen, lock_errors, settled
from xero.simulator.ledger import AUTHORISED, DELETED, PAID, Allocation, Document, Payment, account_by


class SettlingError(Exception):
    """An error in Xero's words."""

    def __init__(self, *messages: str) -> None:
        super().__init__("; ".join(messages))
        self.messages = list(messages)


def pay(
    pen: Pen, document: Document, amount: Decimal, on: date, account_code: str | None, reference: str = ""
) -> Payment:
    """Pay. Without an account the first account that takes payments is used, as a person would choose it."""
    organisation = pen.organisation
    accounts = [a for a in organisation.accounts if a["EnablePaymentsToAccount"] and a["Status"] == "ACTIVE"]
    account = account_by(accounts, "Code", account_code) if account_code else next(iter(accounts), None)
    if account is None:
        raise SettlingError("The account must be a bank account or have payments enabled.")
    if document.status not in (AUTHORISED, PAID):
        raise SettlingError("Payments can only be made against Authorised documents.")
    _check(pen, document, amount, on)
    payment = Payment(
        id=str(uuid4()),
        document_id=document.id,
        date=on,
        amount=cents(amount),
        updated=pen.updated,
        account_id=account["AccountID"],
        reference=reference,
    )
    organisation.ledger.payments[payment.id] = payment
    _settle(pen, document)
    return payment


def remove_payment(pen: Pen, payment: Payment) -> Payment:
    """Remove a payment: it leaves its invoice and is DELETED under /Payments."""
    if payment.status == DELETED:
        raise SettlingError("The payment has already been deleted.")
    errors = lock_errors(pen.organisation, payment.date)
    if errors:
        raise SettlingError(*errors)
    removed = replace(payment, status=DELETED, updated=pen.updated)
    pen.organisation.ledger.payments[payment.id] = removed
    document = pen.organisation.ledger.find(payment.document_id)
    if document is not None:
        _settle(pen, document)
    return removed


def allocate(pen: Pen, credit_note: Document, invoice: Document, amount: Decimal, on: date) -> Allocation:
    if credit_note.status != AUTHORISED or invoice.status != AUTHORISED:
        raise SettlingError("Credit can only be allocated between Authorised documents.")
    if credit_note.type != f"{invoice.type}CREDIT" or credit_note.contact_id != invoice.contact_id:
        raise SettlingError("The credit note and the invoice must be of the same type and contact.")
    if credit_note.currency != invoice.currency:
        raise SettlingError("The credit note and the invoice must be in the same currency.")
    _check(pen, invoice, amount, on)
    if cents(amount) > pen.organisation.ledger.due(credit_note):
        raise SettlingError("The allocation amount exceeds the remaining credit.")
    part = Allocation(
        id=str(uuid4()), credit_note_id=credit_note.id, invoice_id=invoice.id, date=on, amount=cents(amount)
    )
    pen.organisation.ledger.allocations[part.id] = part
    _settle(pen, credit_note)
    _settle(pen, invoice)
    return part


def remove_allocation(pen: Pen, part: Allocation) -> None:
    errors = lock_errors(pen.organisation, part.date)
    if errors:
        raise SettlingError(*errors)
    ledger = pen.organisation.ledger
    del ledger.allocations[part.id]
    for document_id in (part.credit_note_id, part.invoice_id):
        document = ledger.find(document_id)
        if document is not None:
            _settle(pen, document)


def _check(pen: Pen, document: Document, amount: Decimal, on: date) -> None:
    if amount <= 0:
        raise SettlingError("The amount must be greater than zero.")
    if cents(amount) > pen.organisation.ledger.due(document):
        raise SettlingError("Payment amount exceeds the amount outstanding on this document")
    errors = lock_errors(pen.organisation, on)
    if errors:
        raise SettlingError(*errors)


def _settle(pen: Pen, document: Document) -> None:
    pen.organisation.ledger.put(settled(pen.organisation, replace(document, updated=pen.updated)))
