"""The documents of one organisation (sales invoices, bills, credit notes) and what settles them."""

from collections.abc import Iterable, Iterator
from datetime import date as Day
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from xero.simulator.catalogue import Tracked

DRAFT = "DRAFT"
SUBMITTED = "SUBMITTED"
AUTHORISED = "AUTHORISED"
PAID = "PAID"
VOIDED = "VOIDED"
DELETED = "DELETED"
STATUSES = (DRAFT, SUBMITTED, AUTHORISED, PAID, VOIDED, DELETED)

SALE = "ACCREC"
BILL = "ACCPAY"
SALE_CREDIT = "ACCRECCREDIT"
BILL_CREDIT = "ACCPAYCREDIT"

NOTHING = Decimal(0)


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`line_amount` is after discount, as sent amounts are meant (with or without tax); a line may be words alone."""

    id: str
    description: str = ""
    quantity: Decimal | None = None
    unit_amount: Decimal | None = None
    line_amount: Decimal = NOTHING
    tax_amount: Decimal = NOTHING
    tax_given: bool = False
    """The tax amount was sent with the line and replaces the computed one."""
    account_id: str | None = None
    tax_type: str | None = None
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None
    item_code: str = ""
    tracking: tuple[Tracked, ...] = ()


class Document(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An invoice, bill or credit note. Replaced through Ledger.put, never altered in place."""

    id: str
    type: str
    number: str
    contact_id: str
    date: Day
    updated: datetime
    status: str = DRAFT
    due_date: Day | None = None
    amounts_are: str = "Exclusive"
    currency: str = ""
    currency_rate: Decimal = Decimal(1)
    reference: str = ""
    url: str = ""
    sent_to_contact: bool = False
    expected_payment_date: Day | None = None
    branding_theme_id: str | None = None
    lines: tuple[Line, ...] = ()
    sub_total: Decimal = NOTHING
    total_tax: Decimal = NOTHING
    total: Decimal = NOTHING
    total_discount: Decimal = NOTHING
    fully_paid_on: Day | None = None
    made_by: str | None = None
    """The client id of the app that created it; None for a person."""

    @property
    def is_credit(self) -> bool:
        return self.type in (SALE_CREDIT, BILL_CREDIT)

    @property
    def is_posted(self) -> bool:
        return self.status in (AUTHORISED, PAID)


class Payment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    document_id: str
    date: Day
    amount: Decimal
    updated: datetime
    account_id: str | None = None
    reference: str = ""
    status: str = AUTHORISED


class Allocation(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a credit note that was put against an invoice."""

    id: str
    credit_note_id: str
    invoice_id: str
    date: Day
    amount: Decimal


class StoredLedger(msgspec.Struct):
    documents: list[Document] = []
    payments: list[Payment] = []
    allocations: list[Allocation] = []


class Ledger:
    """Documents by id and number, with their payments and allocations. The ledger stores; it checks no rule."""

    def __init__(self, stored: StoredLedger | None = None) -> None:
        stored = stored or StoredLedger()
        self._by_id: dict[str, Document] = {}
        self._by_number: dict[tuple[str, str], str] = {}
        self.payments: dict[str, Payment] = {payment.id: payment for payment in stored.payments}
        self.allocations: dict[str, Allocation] = {part.id: part for part in stored.allocations}
        for document in stored.documents:
            self.put(document)

    def stored(self) -> StoredLedger:
        return StoredLedger(
            list(self._by_id.values()), list(self.payments.values()), list(self.allocations.values())
        )

    def __iter__(self) -> Iterator[Document]:
        return iter(self._by_id.values())

    def find(self, document_id: str) -> Document | None:
        return self._by_id.get(document_id.lower())

    def find_by_number(self, kind: str, number: str) -> Document | None:
        """Numbers of voided and deleted documents stay taken (not known; assumed, as the safer way)."""
        document_id = self._by_number.get((kind, number.casefold()))
        return None if document_id is None else self._by_id[document_id]

    def put(self, document: Document) -> None:
        """Store a new document, or the new state of a stored one."""
        old = self._by_id.get(document.id)
        if old is not None and self._by_number.get((old.type, old.number.casefold())) == old.id:
            del self._by_number[old.type, old.number.casefold()]
        self._by_id[document.id] = document
        if document.number:
            self._by_number.setdefault((document.type, document.number.casefold()), document.id)

    def draw_number(self, kind: str) -> str:
        """The next of Xero's own numbers; bills have none."""
        if kind in (BILL, BILL_CREDIT):
            return ""
        prefix = "CN" if kind == SALE_CREDIT else "INV"
        index = sum(document.type == kind for document in self) + 1
        while self.find_by_number(kind, f"{prefix}-{index:04}"):
            index += 1
        return f"{prefix}-{index:04}"

    def payments_of(self, document: Document) -> list[Payment]:
        """The payments in force, the oldest first."""
        found = [p for p in self.payments.values() if p.document_id == document.id and p.status == AUTHORISED]
        return sorted(found, key=lambda payment: payment.date)

    def allocations_of(self, document: Document) -> list[Allocation]:
        """The allocations of a credit note, or to an invoice."""
        return [a for a in self.allocations.values() if document.id in (a.credit_note_id, a.invoice_id)]

    def paid(self, document: Document) -> Decimal:
        return _sum(payment.amount for payment in self.payments_of(document))

    def credited(self, document: Document) -> Decimal:
        return _sum(part.amount for part in self.allocations_of(document))

    def due(self, document: Document) -> Decimal:
        """The amount that remains to be paid; of a credit note, the amount that remains to be given."""
        if document.status in (VOIDED, DELETED):
            return NOTHING
        return document.total - self.paid(document) - self.credited(document)

    def is_settled_in_part(self, document: Document) -> bool:
        return bool(self.payments_of(document) or self.allocations_of(document))

    def last_settled_on(self, document: Document) -> Day:
        dates = [payment.date for payment in self.payments_of(document)]
        dates += [part.date for part in self.allocations_of(document)]
        return max(dates, default=document.date)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, NOTHING)


def account_by(accounts: list[dict[str, Any]], field: str, value: str | None) -> dict[str, Any] | None:
    """The chart's account by Code or AccountID; of several with one code the active one."""
    found = [account for account in accounts if value and account.get(field) == value]
    return next((account for account in found if account["Status"] == "ACTIVE"), found[0] if found else None)
